/**
 * Keeps processes from doing the same work at once: migrations, corrections of costs.
 *
 * A plain ClickHouse has no locks, but `CREATE TABLE` of a name succeeds for exactly one client, so the table *is* the
 * lock; dropping it releases. Its comment says who holds it; the holder touches it every second. A lock untouched for ten
 * (by the server's clock) belonged to a process that died, and the next one takes it: at once, where that was a process of
 * this machine.
 *
 * Migrations only spare themselves work and waiting by it: they can be run twice and at once. A correction of costs must
 * not, and its holder, if it was only very slow, sees at its next step that the lock is another's.
 */
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

import { ClickHouseError, type ClickHouseClient } from "@clickhouse/client";

const TOUCH_MS = 1_000;
const STALE_SECONDS = 10;
const POLL_MS = 200;

const TABLE_ALREADY_EXISTS = "57";

/** This process, as a lock's comment names it; no character of it needs quoting in SQL. */
const HOLDER = `${hostname().replaceAll(/[^\w.-]/g, "_")} ${process.pid} ${Math.random().toString(36).slice(2)}`;

export interface HeldLock {
  /** @throws where another process has taken the lock since */
  check: () => Promise<void>;
}

/** Runs `work` while no other process holds the lock `name`; `onWait` is called once when another does. */
export async function withTableLock<T>(
  client: ClickHouseClient,
  name: "migration_lock" | "cost_revision_lock",
  onWait: () => void,
  work: (lock: HeldLock) => Promise<T>,
): Promise<T> {
  await acquire(client, name, onWait);
  const timer = setInterval(() => void touch(client, name), TOUCH_MS);
  try {
    return await work({ check: () => checkHeld(client, name) });
  } finally {
    clearInterval(timer);
    await drop(client, name);
  }
}

async function acquire(client: ClickHouseClient, name: string, onWait: () => void): Promise<void> {
  for (let attempt = 0; !(await create(client, name)); attempt++) {
    if (attempt === 0) onWait();
    if (await isStale(client, name)) await drop(client, name);
    else await delay(POLL_MS);
  }
}

async function create(client: ClickHouseClient, name: string): Promise<boolean> {
  try {
    await client.command({
      query: `CREATE TABLE ${name} (touched UInt64) ENGINE = Null COMMENT '${HOLDER} ${Date.now()}'`,
    });
    return true;
  } catch (error) {
    if (error instanceof ClickHouseError && error.code === TABLE_ALREADY_EXISTS) return false;
    throw error;
  }
}

/** A changed comment moves the table's `metadata_modification_time`. */
async function touch(client: ClickHouseClient, name: string): Promise<void> {
  try {
    await client.command({
      query: `ALTER TABLE ${name} MODIFY COMMENT '${HOLDER} ${Date.now()}'`,
    });
  } catch {
    // The worst is that another process takes the lock: see the header.
  }
}

async function checkHeld(client: ClickHouseClient, name: string): Promise<void> {
  const lock = await read(client, name);
  if (lock?.comment.startsWith(HOLDER)) return;
  throw new Error(`${name}: expected to hold it, but another process has taken it: run it again`);
}

async function isStale(client: ClickHouseClient, name: string): Promise<boolean> {
  const lock = await read(client, name);
  if (lock === undefined) return false;
  const [host, pid] = lock.comment.split(" ");
  const isDead = host === HOLDER.split(" ")[0] && !isAlive(Number(pid));
  return isDead || lock.seconds > STALE_SECONDS;
}

async function read(
  client: ClickHouseClient,
  name: string,
): Promise<{ comment: string; seconds: number } | undefined> {
  const result = await client.query({
    query: `SELECT comment, toInt32(now() - metadata_modification_time) AS seconds FROM system.tables
      WHERE database = currentDatabase() AND name = {name:String}`,
    query_params: { name },
    format: "JSONEachRow",
  });
  const [row] = await result.json<{ comment: string; seconds: number }>();
  return row;
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return true; // nobody's name: only its age counts
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

async function drop(client: ClickHouseClient, name: string): Promise<void> {
  await client.command({ query: `DROP TABLE IF EXISTS ${name} SYNC` });
}
