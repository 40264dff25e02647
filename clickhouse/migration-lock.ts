/**
 * Keeps processes that start together from migrating together.
 *
 * A plain ClickHouse has no locks, but `CREATE TABLE` of a name succeeds for exactly one client, so the table *is* the
 * lock; dropping it releases. Its holder touches it every second. A lock untouched for ten (by the server's clock)
 * belonged to a process that died, and the next one takes it.
 *
 * It spares work and waiting; correctness does not hang on it. A holder that was only very slow may find itself beside
 * a second one, which is harmless because every migration can be run twice and at once.
 */
import { setTimeout as delay } from "node:timers/promises";

import { ClickHouseError, type ClickHouseClient } from "@clickhouse/client";

const TOUCH_MS = 1_000;
const STALE_SECONDS = 10;
const POLL_MS = 200;

const TABLE_ALREADY_EXISTS = "57";

/** Runs `work` while no other process runs its own; `onWait` is called once when another holds the lock. */
export async function withMigrationLock<T>(
  client: ClickHouseClient,
  onWait: () => void,
  work: () => Promise<T>,
): Promise<T> {
  await acquire(client, onWait);
  const timer = setInterval(() => void touch(client), TOUCH_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await drop(client);
  }
}

async function acquire(client: ClickHouseClient, onWait: () => void): Promise<void> {
  for (let attempt = 0; !(await create(client)); attempt++) {
    if (attempt === 0) onWait();
    if (await isStale(client)) await drop(client);
    else await delay(POLL_MS);
  }
}

async function create(client: ClickHouseClient): Promise<boolean> {
  try {
    await client.command({ query: "CREATE TABLE migration_lock (touched UInt64) ENGINE = Null" });
    return true;
  } catch (error) {
    if (error instanceof ClickHouseError && error.code === TABLE_ALREADY_EXISTS) return false;
    throw error;
  }
}

/** A changed comment moves the table's `metadata_modification_time`. */
async function touch(client: ClickHouseClient): Promise<void> {
  try {
    await client.command({ query: `ALTER TABLE migration_lock MODIFY COMMENT '${Date.now()}'` });
  } catch {
    // The worst is that another process takes the lock, which is harmless (see above).
  }
}

async function isStale(client: ClickHouseClient): Promise<boolean> {
  const result = await client.query({
    query: `SELECT count() AS stale FROM system.tables WHERE database = currentDatabase() AND name = 'migration_lock'
      AND metadata_modification_time < now() - ${STALE_SECONDS}`,
    format: "JSONEachRow",
  });
  const [row] = await result.json<{ stale: string | number }>();
  return Number(row?.stale) > 0;
}

async function drop(client: ClickHouseClient): Promise<void> {
  await client.command({ query: "DROP TABLE IF EXISTS migration_lock SYNC" });
}
