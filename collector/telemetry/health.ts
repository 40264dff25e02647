/**
 * Whether the collector does its work. `failing` means that a person or a restart is needed; a full log or a slow
 * ClickHouse is not that: requests are answered 503 then and the metrics show it.
 */
import type { InsertStats } from "../insert/inserter.ts";
import type { LogStats } from "../log/log.ts";
import type { EngineStats } from "./engine.ts";

/** A restart of the embedded server takes seconds; the log takes everything meanwhile. */
const ENGINE_GRACE_MS = 30_000;

export interface HealthSources {
  log?: LogStats | undefined;
  insert?: InsertStats | undefined;
  engine?: EngineStats | undefined;
}

export interface Health {
  status: "ok" | "failing";
  /** What is wrong, one sentence each. */
  problems: string[];
}

export function healthOf({ log, insert, engine }: HealthSources, nowUnixMs: number): Health {
  const problems: string[] = [];
  if (log?.failed !== undefined) problems.push(`the log takes nothing any more: ${log.failed}`);
  if (insert?.blocked !== undefined) problems.push(`inserting waits: ${insert.blocked}`);
  const since = engine?.unreachableSinceUnixMs;
  if (since !== undefined && nowUnixMs - since > ENGINE_GRACE_MS) {
    const seconds = Math.floor((nowUnixMs - since) / 1_000);
    const how = engine?.problem === undefined ? "" : `: ${engine.problem}`;
    problems.push(`ClickHouse has not answered for ${seconds} s${how}`);
  }
  return { status: problems.length === 0 ? "ok" : "failing", problems };
}
