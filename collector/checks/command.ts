/**
 * `assay checks list`: the checks as configured. `assay checks test --from <time> --to <time>`: replays stored history, and
 * says when each check would have fired and for how long. Nothing is written, and nobody is told.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { timeOption } from "../time-option.ts";
import type { ChecksConfig } from "./config.ts";
import { durationText } from "./duration.ts";
import { Evaluator } from "./evaluator.ts";
import type { CheckResult } from "./results.ts";

const USAGE =
  "expected: checks list | checks test --from <time> --to <time> [--check <name>]; a time is RFC 3339 or like now-7d";
const STEP_SECONDS = 60;
const LONGEST_DAYS = 31;

export interface ChecksCommandOptions {
  config: ChecksConfig;
  connect: () => Promise<ClickHouseClient>;
  print: (line: string) => void;
  /** @default Date.now */
  now?: () => number;
}

/** @throws with a sentence for the user */
export async function runChecksCommand(
  args: readonly string[],
  options: ChecksCommandOptions,
): Promise<void> {
  const [action = "list", ...rest] = args;
  if (action === "list" && rest.length === 0) return list(options);
  if (action !== "test") throw new Error(USAGE);
  const wanted = optionsOf(rest);
  const nowMs = (options.now ?? Date.now)();
  const from = timeOption("--from", wanted.get("--from"), nowMs);
  const to = timeOption("--to", wanted.get("--to") ?? "now", nowMs);
  if (from >= to) throw new Error("expected --from before --to");
  if (to - from > LONGEST_DAYS * 86_400_000)
    throw new Error(`expected up to ${LONGEST_DAYS} days between --from and --to`);
  await replay(options, { from, to, check: wanted.get("--check") });
}

function list({ config, print }: ChecksCommandOptions): void {
  const width = Math.max(...config.checks.map(({ name }) => name.length));
  for (const { name, severity, every, about } of config.checks)
    print(
      `${name.padEnd(width)}  ${severity.padEnd(6)}  ${durationText(every).padStart(3)}  ${about}`,
    );
  const told = config.notify?.channels.map(({ name, kind }) => `${name} (${kind})`).join(", ");
  print(
    told ? `Told: ${told}` : "Nobody is told: no notify section in ASSAY_CHECKS (docs/checks.md).",
  );
}

function optionsOf(args: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (let i = 0; i < args.length; i += 2) {
    const [name, value] = [args[i]!, args[i + 1]];
    if (!["--from", "--to", "--check"].includes(name) || value === undefined)
      throw new Error(USAGE);
    found.set(name, value);
  }
  return found;
}

interface Period {
  row: CheckResult;
  from: number;
  to: number | undefined;
}

async function replay(
  { config, connect, print }: ChecksCommandOptions,
  { from, to, check }: { from: number; to: number; check: string | undefined },
): Promise<void> {
  const checks = config.checks.filter(({ name }) => check === undefined || name === check);
  if (checks.length === 0)
    throw new Error(`expected a check's name (assay checks list), got "${check}"`);
  const client = await connect();
  const periods: Period[] = [];
  const open = new Map<string, Period>();
  const problems: string[] = [];
  let nowMs = from;
  const evaluator = new Evaluator({
    client,
    checks,
    now: () => nowMs,
    log: (_level, message) => void problems.push(message),
    write: async () => {},
    onResults: async (rows) => rows.forEach((row) => follow(row, open, periods)),
  });
  try {
    evaluator.begin();
    for (; nowMs <= to; nowMs += STEP_SECONDS * 1_000) await evaluator.runDue();
  } finally {
    await client.close();
  }
  if (problems.length > 0) throw new Error(problems[0]);
  for (const { row, from: began, to: ended } of periods) {
    const until = ended === undefined ? "still firing" : `until ${minute(ended)}`;
    const of = row.series ? ` (${row.series})` : "";
    print(
      `${minute(began)}  ${row.severity.padEnd(6)}  ${row.check_name}  ${row.project}${of}  ${until}: ${row.reason}`,
    );
  }
  print(
    `${checks.length} checks over ${minute(from / 1_000)} to ${minute(to / 1_000)}: ${periods.length} alerts.`,
  );
}

function follow(row: CheckResult, open: Map<string, Period>, periods: Period[]): void {
  const key = JSON.stringify([row.check_name, row.project, row.series]);
  const known = open.get(key);
  if (row.state === "firing" && !known) {
    const period = { row, from: row.event_time, to: undefined };
    open.set(key, period);
    periods.push(period);
  } else if (known && row.state === "ok") {
    known.to = row.event_time;
    open.delete(key);
  }
}

function minute(unixSeconds: number): string {
  return `${new Date(unixSeconds * 1_000).toISOString().slice(0, 16)}Z`;
}
