/**
 * `assay reprice`: what the prices of now would change in a period, and with `--apply` the change (docs/prices.md).
 *
 * One run at a time: another waits. A dry run reads only.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import {
  daysBetween,
  finishCostRevisions,
  hasOpenCostRevisions,
  readDay,
  readOptions,
  withTableLock,
} from "@assay/clickhouse";
import { type PriceBook, formatUsd } from "@assay/instrumentation/pricing";
import { type ModelChange, applyReprice, dropStagedPlans, previewReprice } from "./reprice.ts";
import type { CallFilter } from "./stored-calls.ts";

const USAGE =
  "expected: reprice --from <day> --to <day> [--project P] [--provider P] [--model M] [--unpriced] [--apply --reason TEXT], or: reprice --resume";
const MOST_DAYS = 400;

export interface RepriceCommandOptions {
  book: PriceBook;
  connect: () => Promise<ClickHouseClient>;
  print: (line: string) => void;
  /** @default Date.now */
  now?: () => number;
}

/** @throws with a sentence for the user */
export async function runRepriceCommand(
  args: readonly string[],
  { book, connect, print, now = Date.now }: RepriceCommandOptions,
): Promise<void> {
  const asked = readOptions(args, {
    values: ["--from", "--to", "--project", "--provider", "--model", "--reason"],
    flags: ["--unpriced", "--apply", "--resume"],
    usage: USAGE,
  });
  if (asked.rest.length > 0) throw new Error(USAGE);
  const days = asked.flags.has("--resume") ? [] : daysOf(asked.values);
  const reason = asked.values.get("--reason");
  const apply = asked.flags.has("--apply");
  if (apply && !reason) throw new Error("expected --reason with --apply: the journal keeps it");
  const filter: CallFilter = {
    project: asked.values.get("--project"),
    provider: asked.values.get("--provider"),
    model: asked.values.get("--model"),
    unpriced: asked.flags.has("--unpriced"),
  };
  const client = await connect();
  const locked = (work: (check: () => Promise<void>) => Promise<void>): Promise<void> =>
    withTableLock(
      client,
      "cost_revision_lock",
      () => print("Another run is under way: waiting for it."),
      ({ check }) => work(check),
    );
  try {
    if (asked.flags.has("--resume")) await locked(() => resume(client, print));
    else if (!apply) {
      if (await hasOpenCostRevisions(client))
        print(
          "A run was interrupted: assay reprice --resume finishes it. Until then costs differ from their sums.",
        );
      report(await previewReprice({ client, book, filter, days }), print);
      print("Nothing was changed. With --apply --reason TEXT it is.");
    } else {
      const run = runId(now());
      await locked(async (check) => {
        await dropStagedPlans(client);
        const onDay = (changes: ModelChange[]): void => lines(changes).forEach(print);
        const options = { client, book, filter, days, run, reason: reason!, check, onDay };
        print(total(await applyReprice(options)));
        print(`Run ${run}: what was and what is stands in assay.cost_revisions.`);
      });
    }
  } finally {
    await client.close();
  }
}

async function resume(client: ClickHouseClient, print: (line: string) => void): Promise<void> {
  await dropStagedPlans(client);
  const finished = await finishCostRevisions(client);
  for (const day of finished) print(`finished ${day}`);
  print(finished.length === 0 ? "Nothing was unfinished." : `${finished.length} days finished.`);
}

function daysOf(values: ReadonlyMap<string, string>): string[] {
  const from = readDay("--from", values.get("--from"));
  const to = readDay("--to", values.get("--to"));
  const days = daysBetween(from, to);
  if (days.length === 0)
    throw new Error("expected --from before --to; the day of --to is not part of it");
  if (days.length > MOST_DAYS)
    throw new Error(`expected up to ${MOST_DAYS} days, got ${days.length}`);
  return days;
}

function runId(nowMs: number): string {
  const time = new Date(nowMs)
    .toISOString()
    .replaceAll(/[^0-9]/g, "")
    .slice(0, 14);
  return `${time}_${Math.random().toString(36).slice(2, 8)}`;
}

function report(changes: readonly ModelChange[], print: (line: string) => void): void {
  lines(changes).forEach(print);
  print(total(changes));
}

function lines(changes: readonly ModelChange[]): string[] {
  return changes.map(
    ({ day, provider, model, calls, newlyPriced, before, after }) =>
      `${day}  ${provider}/${model}  ${calls} calls${newlyPriced > 0 ? ` (${newlyPriced} had no price)` : ""}  ${formatUsd(before)} -> ${formatUsd(after)} USD`,
  );
}

function total(changes: readonly ModelChange[]): string {
  const sum = (of: (change: ModelChange) => bigint): bigint =>
    changes.reduce((all, change) => all + of(change), 0n);
  const calls = changes.reduce((all, change) => all + change.calls, 0);
  const [before, after] = [sum((change) => change.before), sum((change) => change.after)];
  const difference = formatUsd(after - before);
  return `${calls} calls: ${formatUsd(before)} -> ${formatUsd(after)} USD (${after >= before ? "+" : ""}${difference})`;
}
