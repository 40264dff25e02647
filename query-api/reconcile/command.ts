/** `assay reconcile FILE…`: the providers' own reports against what was recorded, by day and model (docs/ledger.md). */
import { readFile } from "node:fs/promises";
import type { ClickHouseClient } from "@clickhouse/client";
import { readOptions } from "@assay/clickhouse";
import { type PriceBook, formatUsd } from "@assay/instrumentation/pricing";
import { readLedgerLines } from "../ledger/lines.ts";
import { createStore } from "../store.ts";
import { type Comparison, reconcile } from "./reconcile.ts";
import { KINDS, type Report, readReport } from "./reports.ts";

const USAGE = "expected: reconcile FILE… [--project P] [--json]";
const DAY_MS = 86_400_000;
const MOST_DAYS = 92;

export interface ReconcileOptions {
  book: PriceBook;
  connect: () => Promise<ClickHouseClient>;
  print: (line: string) => void;
}

/** @throws with a sentence for the user */
export async function runReconcileCommand(
  args: readonly string[],
  { book, connect, print }: ReconcileOptions,
): Promise<void> {
  const asked = readOptions(args, { values: ["--project"], flags: ["--json"], usage: USAGE });
  if (asked.rest.length === 0) throw new Error(USAGE);
  const report = await readReports(asked.rest);
  const project = asked.values.get("--project");
  const client = await connect();
  try {
    const store = createStore(client);
    const lines = await readLedgerLines(store, {
      ...rangeOf(report),
      filters: {
        provider: providersOf(report),
        ...(project !== undefined && { project: [project] }),
      },
      byDay: true,
    });
    const found = reconcile(report, lines, book);
    if (asked.flags.has("--json")) print(jsonOf(found));
    else textOf(found).forEach(print);
  } finally {
    await client.close();
  }
}

async function readReports(files: readonly string[]): Promise<Report> {
  const reports = await Promise.all(
    files.map(async (file) => readReport(await readFile(file, "utf8"), file)),
  );
  const report = {
    usages: reports.flatMap(({ usages }) => usages),
    costs: reports.flatMap(({ costs }) => costs),
  };
  if (report.usages.length + report.costs.length === 0)
    throw new Error(`${files.join(", ")}: expected results, got empty reports`);
  return report;
}

function providersOf({ usages, costs }: Report): string[] {
  return [...new Set([...usages, ...costs].map(({ provider }) => provider))];
}

function rangeOf({ usages, costs }: Report): { fromMs: number; toMs: number } {
  const days = [...usages, ...costs].map(({ day }) => Date.parse(day));
  const [fromMs, toMs] = [Math.min(...days), Math.max(...days) + DAY_MS];
  if (toMs - fromMs <= MOST_DAYS * DAY_MS) return { fromMs, toMs };
  throw new Error(`expected reports of up to ${MOST_DAYS} days together`);
}

function textOf(all: readonly Comparison[]): string[] {
  return [
    ...all.flatMap(linesOf),
    ...[...Map.groupBy(all, ({ provider }) => provider)].map(totalOf),
  ];
}

function linesOf(one: Comparison): string[] {
  const title = `${one.day}  ${one.provider}/${one.model || "(no model named)"}`;
  const rows = [
    ["calls", one.calls] as const,
    ...KINDS.map((kind) => [kind, one.amounts[kind]] as const),
  ]
    .filter(([, { ours, theirs }]) => theirs !== null && ours !== theirs)
    .map(
      ([kind, { ours, theirs }]) =>
        `  ${kind.padEnd(14)} ours ${ours}  theirs ${theirs}  (${signed(theirs! - ours)})`,
    );
  return [title, ...rows, costLine(one)];
}

function costLine({ cost, usage, price, amounts }: Comparison): string {
  const start = `  ${"cost, USD".padEnd(14)} ours ${formatUsd(cost.ours)}`;
  if (cost.theirs === null) {
    const missing = amounts.input.theirs === null ? "not in the report" : "no report of costs";
    return `${start}  theirs: ${missing}`;
  }
  const difference = cost.theirs - cost.ours;
  const why =
    difference === 0n
      ? "equal"
      : usage === null || price === null
        ? "not explained: no report of this model's usage"
        : `${signedUsd(usage)} of usage, ${signedUsd(price)} of price`;
  return `${start}  theirs ${formatUsd(cost.theirs)}  (${signedUsd(difference)}: ${why})`;
}

function totalOf([provider, all]: [string, Comparison[]]): string {
  const reported = all.filter(({ cost }) => cost.theirs !== null);
  if (reported.length === 0) return `${provider}: no report of costs`;
  const sum = (of: (one: Comparison) => bigint): bigint =>
    all.reduce((total, one) => total + of(one), 0n);
  const [ours, theirs] = [sum(({ cost }) => cost.ours), sum(({ cost }) => cost.theirs ?? 0n)];
  const usage = sum((one) => one.usage ?? 0n);
  const price = sum((one) => one.price ?? 0n);
  const rest = theirs - ours - usage - price;
  return `${provider}: ours ${formatUsd(ours)}, theirs ${formatUsd(theirs)} USD (${signedUsd(theirs - ours)}: ${signedUsd(usage)} of usage, ${signedUsd(price)} of price, ${signedUsd(rest)} not explained)`;
}

function signed(value: number): string {
  return value > 0 ? `+${value}` : String(value);
}

function signedUsd(picoUsd: bigint): string {
  return `${picoUsd > 0n ? "+" : ""}${formatUsd(picoUsd)}`;
}

function jsonOf(all: readonly Comparison[]): string {
  return JSON.stringify(
    all,
    (_key, value: unknown) => (typeof value === "bigint" ? formatUsd(value) : value),
    2,
  );
}
