/**
 * The engine inside this process, and sessions on it.
 *
 * Opening a session costs half a millisecond, so each query gets one of its own: settings, parameters and the
 * current database end with it, and no query can see another's. One session stays open for control, since the
 * engine closes with its last one. After start only asynchronous calls are made: each runs on a thread of libuv's
 * pool, and the event loop stays free.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { Session, drainPending } from "chdb";
import { usersConfig } from "./engine-users.ts";
import { engineError } from "./errors.ts";
import { closeSession } from "./native.ts";
import { sqlString } from "./sql-lexer.ts";

export interface QueryOutcome {
  bytes: Uint8Array;
  elapsedSeconds: number;
  rowsRead: number;
  bytesRead: number;
}

export interface EngineSession {
  /** Rejects with QueryError. */
  run(sql: string, format?: string): Promise<QueryOutcome>;
  close(): void;
}

export interface Engine {
  version: string;
  timezone: string;
  /** Names in lower case. */
  tableFunctions: ReadonlySet<string>;
  open(): EngineSession;
  /** Asks every query with this log_comment to stop; resolves at once, it stops soon after. */
  kill(logComment: string): Promise<void>;
  /** Waits for what runs, then closes the engine. */
  close(): Promise<void>;
}

export async function openEngine(options: {
  root: string;
  configFile: string;
  memoryMb: number;
}): Promise<Engine> {
  await writeConfig(options.configFile, options.memoryMb);
  const connectionArgs = [`--config-file=${options.configFile}`];
  const control = new Session(options.root, { connectionArgs });
  const controlSession = sessionOf(control);
  await replaceDefaultDatabase(controlSession);
  const text = async (sql: string): Promise<string> =>
    decode((await controlSession.run(sql)).bytes).trim();
  let killing: Promise<unknown> = Promise.resolve();
  return {
    version: await text("SELECT version()"),
    timezone: await text("SELECT timezone()"),
    tableFunctions: new Set(
      (await text("SELECT lower(name) FROM system.table_functions")).split("\n"),
    ),
    open: () => sessionOf(new Session(options.root)),
    async kill(logComment) {
      // One at a time: a session runs one query, and control has one session.
      const mine = killing.then(() =>
        controlSession.run(
          `KILL QUERY WHERE Settings['log_comment'] = ${sqlString(logComment)} ASYNC`,
        ),
      );
      killing = mine.catch(() => undefined); // the next kill does not care; this one's caller sees the failure
      await mine;
    },
    async close() {
      await drainPending();
      control.close();
      await drainPending();
    },
  };
}

function sessionOf(session: Session): EngineSession {
  return {
    async run(sql, format = "TabSeparatedRaw") {
      try {
        const result = await session.queryAsync(sql, { format });
        return {
          bytes: result.bytes(),
          elapsedSeconds: result.elapsed,
          rowsRead: result.rowsRead,
          bytesRead: result.bytesRead,
        };
      } catch (thrown) {
        throw engineError(thrown);
      }
    },
    close: () => closeSession(session),
  };
}

export function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/**
 * The engine starts with a `default` database in which every path is a table: SELECT * FROM `/etc/passwd` works,
 * even for a read-only session once somebody else read that file. An empty in-memory one takes its place.
 */
async function replaceDefaultDatabase(control: EngineSession): Promise<void> {
  await control.run("DROP DATABASE IF EXISTS default");
  await control.run("CREATE DATABASE default ENGINE = Memory");
}

/** Sized for a small machine: the memory limit holds for the whole engine, and the caches take a share of it. */
async function writeConfig(file: string, memoryMb: number): Promise<void> {
  const mebibyte = 1024 * 1024;
  const settings: Record<string, number> = {
    max_server_memory_usage: memoryMb * mebibyte,
    mark_cache_size: Math.floor(memoryMb / 16) * mebibyte,
    index_mark_cache_size: Math.floor(memoryMb / 32) * mebibyte,
    uncompressed_cache_size: 0,
    mmap_cache_size: 0,
    compiled_expression_cache_size: 16 * mebibyte,
    query_cache_size: 0,
    background_pool_size: 2,
    background_merges_mutations_concurrency_ratio: 2,
    background_schedule_pool_size: 4,
    background_move_pool_size: 1,
    background_fetches_pool_size: 1,
    background_common_pool_size: 2,
    max_thread_pool_size: 512,
    max_io_thread_pool_size: 32,
    max_prefixes_deserialization_thread_pool_size: 16,
    max_active_parts_loading_thread_pool_size: 4,
    max_outdated_parts_loading_thread_pool_size: 2,
  };
  const usersFile = path.join(path.dirname(file), "users.xml");
  const lines = Object.entries({ ...settings, users_config: usersFile }).map(
    ([name, value]) => `  <${name}>${value}</${name}>`,
  );
  await fs.mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await fs.writeFile(usersFile, usersConfig());
  await fs.writeFile(file, `<clickhouse>\n${lines.join("\n")}\n</clickhouse>\n`);
}
