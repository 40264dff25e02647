/** `GET /api/v1/costs/variance`: why the bill went up, or down. */
import { type PriceBook, formatUsd } from "@assay/instrumentation/pricing";
import { z } from "zod";
import type { ApiCall } from "../endpoint.ts";
import { exactUsd, range } from "../answers.ts";
import { anyOf, checkRange, flag, readParameters, time } from "../parameters.ts";
import type { Store } from "../store.ts";
import {
  type UsageFilters,
  type UsageRow,
  costOfCalls,
  priceOf,
  readRepeats,
  readUsage,
} from "./usage.ts";
import {
  CAUSES,
  type PeriodOfModel,
  type SegmentPair,
  type Split,
  splitChange,
} from "./variance.ts";

export function varianceShape(nowMs: number) {
  return {
    from: time(nowMs),
    to: time(nowMs),
    baseline_from: time(nowMs).optional(),
    baseline_to: time(nowMs).optional(),
    retries: flag.default(false),
    project: anyOf.optional(),
    service: anyOf.optional(),
    environment: anyOf.optional(),
    provider: anyOf.optional(),
    model: anyOf.optional(),
    operation: anyOf.optional(),
  };
}

const causes = z.looseObject({
  ...Object.fromEntries(CAUSES.map((cause) => [cause, exactUsd])),
  retries: exactUsd.nullable().describe("Null unless asked for"),
});
const period = z.looseObject({
  ...range,
  calls: z.number(),
  unpriced_calls: z.number(),
  cost: exactUsd,
});

export const varianceAnswer = z.looseObject({
  before: period,
  after: period,
  change: exactUsd,
  causes,
  models: z.array(
    z.looseObject({
      provider: z.string(),
      model: z.string(),
      before: exactUsd,
      after: exactUsd,
      change: exactUsd,
      causes,
    }),
  ),
});

interface Period {
  fromMs: number;
  toMs: number;
  rows: UsageRow[];
  /** Taken out of the rows. */
  repeats: UsageRow[] | undefined;
}

export async function readVariance({
  store,
  query,
  nowMs,
  prices,
}: ApiCall): Promise<z.input<typeof varianceAnswer>> {
  const asked = readParameters(varianceShape(nowMs), query);
  const { from, to, baseline_from, baseline_to, retries, ...filters } = asked;
  checkRange(from, to);
  // Without a baseline: as long a time, just before.
  const baseTo = baseline_to ?? from;
  const baseFrom = baseline_from ?? baseTo - (to - from);
  checkRange(baseFrom, baseTo);
  const [before, after] = await Promise.all([
    readPeriod(store, baseFrom, baseTo, filters, retries),
    readPeriod(store, from, to, filters, retries),
  ]);
  return answerOf(prices, before, after);
}

async function readPeriod(
  store: Store,
  fromMs: number,
  toMs: number,
  filters: UsageFilters,
  retries: boolean,
): Promise<Period> {
  const { rows, ...bounds } = await readUsage(store, fromMs, toMs, filters);
  const repeats = retries ? await readRepeats(store, bounds, filters) : undefined;
  return { ...bounds, rows, repeats };
}

function answerOf(book: PriceBook, before: Period, after: Period): z.input<typeof varianceAnswer> {
  const pairs = pairsOf(book, before, after);
  const splits = splitChange(pairs);
  const zero = Object.fromEntries(CAUSES.map((cause) => [cause, 0n])) as Split;
  const totals = [...splits.values()].reduce(added, zero);
  const repeatCosts = costByModel(before.repeats, after.repeats);
  const asked = before.repeats !== undefined;
  const models = pairs.map(({ segment, before: old, after: now }) => {
    const retried = repeatCosts.get(segment) ?? { before: 0n, after: 0n };
    const first = (old?.picoUsd ?? 0n) + retried.before;
    const last = (now?.picoUsd ?? 0n) + retried.after;
    const [provider = "", model = ""] = JSON.parse(segment) as string[];
    return {
      provider,
      model,
      before: formatUsd(first),
      after: formatUsd(last),
      change: formatUsd(last - first),
      causes: causesOf(splits.get(segment)!, asked ? retried.after - retried.before : null),
      size: magnitude(last - first),
    };
  });
  const retriesChange = asked ? costOf(after.repeats!) - costOf(before.repeats!) : null;
  return {
    before: periodOf(before),
    after: periodOf(after),
    change: formatUsd(costOf(after.rows) - costOf(before.rows)),
    causes: causesOf(totals, retriesChange),
    models: models
      .toSorted((a, b) => (b.size > a.size ? 1 : b.size < a.size ? -1 : 0))
      .map(({ size: _size, ...model }) => model),
  };
}

function pairsOf(book: PriceBook, before: Period, after: Period): SegmentPair[] {
  const old = byModel(before);
  const now = byModel(after);
  return [...new Set([...old.keys(), ...now.keys()])].map((segment) => {
    const rows = [...(old.get(segment)?.rows ?? []), ...(now.get(segment)?.rows ?? [])];
    const price = rows[0] && priceOf(book, rows[0], before.toMs - 1);
    return {
      segment,
      before: old.get(segment)?.sum,
      after: now.get(segment)?.sum,
      // A model that is not in the book: all tokens alike, so that at least their number is told apart from the rest.
      atOldPrice: (usage, calls) =>
        price ? costOfCalls(book, price, { usage, calls }) : allAlike(usage),
      afterAtOwnPrices: price
        ? ownPrices(book, now.get(segment)?.rows ?? [])
        : allAlike(now.get(segment)?.sum.usage ?? NOTHING),
    };
  });
}

const NOTHING: UsageRow["usage"] = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  audioInputTokens: 0,
  audioOutputTokens: 0,
  reasoningTokens: 0,
};

function allAlike({ inputTokens, outputTokens }: UsageRow["usage"]): bigint {
  return BigInt(inputTokens + outputTokens);
}

function ownPrices(book: PriceBook, rows: readonly UsageRow[]): bigint {
  return rows.reduce((sum, row) => {
    const price = priceOf(book, row);
    return price ? sum + costOfCalls(book, price, row) : sum;
  }, 0n);
}

function segmentOf(row: UsageRow): string {
  return JSON.stringify([row.provider, row.responseModel || row.requestModel]);
}

/** The period's calls by model, without those that repeat others. */
function byModel({
  rows,
  repeats = [],
}: Period): Map<string, { rows: UsageRow[]; sum: PeriodOfModel }> {
  const repeated = Map.groupBy(repeats, segmentOf);
  const groups = [...Map.groupBy(rows, segmentOf)];
  return new Map(
    groups.map(([segment, own]) => [
      segment,
      { rows: own, sum: less(sumOf(own), sumOf(repeated.get(segment) ?? [])) },
    ]),
  );
}

/** Where no call has a price, tokens have none either. */
function sumOf(all: readonly UsageRow[]): PeriodOfModel {
  const rows = all.filter(({ calls }) => calls > 0);
  return {
    calls: rows.reduce((sum, { calls }) => sum + calls, 0),
    picoUsd: costOf(rows),
    usage: rows.reduce((sum, { usage }) => combine(sum, usage, 1), NOTHING),
  };
}

function less(all: PeriodOfModel, part: PeriodOfModel): PeriodOfModel {
  return {
    calls: all.calls - part.calls,
    picoUsd: all.picoUsd - part.picoUsd,
    usage: combine(all.usage, part.usage, -1),
  };
}

function combine(a: UsageRow["usage"], b: UsageRow["usage"], sign: 1 | -1): UsageRow["usage"] {
  const kinds = Object.keys(NOTHING) as (keyof UsageRow["usage"])[];
  return Object.fromEntries(
    kinds.map((kind) => [kind, a[kind] + sign * b[kind]]),
  ) as UsageRow["usage"];
}

function costByModel(
  before: readonly UsageRow[] = [],
  after: readonly UsageRow[] = [],
): Map<string, { before: bigint; after: bigint }> {
  const old = Map.groupBy(before, segmentOf);
  const now = Map.groupBy(after, segmentOf);
  return new Map(
    [...new Set([...old.keys(), ...now.keys()])].map((segment) => [
      segment,
      { before: costOf(old.get(segment) ?? []), after: costOf(now.get(segment) ?? []) },
    ]),
  );
}

function costOf(rows: readonly UsageRow[]): bigint {
  return rows.reduce((sum, { picoUsd }) => sum + picoUsd, 0n);
}

function added(a: Split, b: Split): Split {
  return Object.fromEntries(CAUSES.map((cause) => [cause, a[cause] + b[cause]])) as Split;
}

function causesOf(split: Split, retries: bigint | null): z.input<typeof causes> {
  const amounts = CAUSES.map((cause) => [cause, formatUsd(split[cause])]);
  return {
    ...Object.fromEntries(amounts),
    retries: retries === null ? null : formatUsd(retries),
  } as z.input<typeof causes>;
}

function periodOf({ fromMs, toMs, rows }: Period): z.input<typeof period> {
  return {
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    calls: rows.reduce((sum, row) => sum + row.calls + row.unpricedCalls, 0),
    unpriced_calls: rows.reduce((sum, row) => sum + row.unpricedCalls, 0),
    cost: formatUsd(costOf(rows)),
  };
}

function magnitude(amount: bigint): bigint {
  return amount < 0n ? -amount : amount;
}
