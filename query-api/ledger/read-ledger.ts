/**
 * `GET /api/v1/ledger`: every call of a range in exactly one bucket for each of its tokens, and the sums checked: tokens
 * against what the providers stated, costs against what was recorded. What is odd is counted, what has no price is listed,
 * and the judges' own costs stand apart: none of them is in the sums of the service's calls.
 */
import { BUCKETS, formatUsd, isUnknownTier } from "@assay/instrumentation/pricing";
import { z } from "zod";
import { exactUsd, range, usd } from "../answers.ts";
import type { ApiCall } from "../endpoint.ts";
import { badParameter } from "../errors.ts";
import { anyOf, checkRange, nanos, readParameters, time } from "../parameters.ts";
import type { Store } from "../store.ts";
import {
  type LedgerLine,
  type LedgerQuestion,
  conditions,
  costOfBucket,
  picoUsd,
  readLedgerLines,
  sumOf,
  sumOfUsd,
} from "./lines.ts";

const MOST_DAYS = 92;
const MOST_LINES = 1000;

export function ledgerShape(nowMs: number) {
  return {
    from: time(nowMs),
    to: time(nowMs),
    project: anyOf.optional(),
    service: anyOf.optional(),
    environment: anyOf.optional(),
    provider: anyOf.optional(),
    model: anyOf.optional(),
    user: anyOf.optional(),
  };
}

const amount = z.looseObject({
  bucket: z.string(),
  unit: z.enum(["tokens", "searches", "requests"]),
  quantity: z.number(),
  cost: exactUsd.describe("Of the calls whose price is known"),
});
const check = <T extends z.ZodType>(value: T) =>
  z.looseObject({ buckets: value, stated: value, difference: value });

export const ledgerAnswer = z.looseObject({
  ...range,
  calls: z.number(),
  cost: exactUsd,
  buckets: z.array(amount),
  rounding: exactUsd.describe(
    "Of single costs; with the buckets and the unallocated it sums to the cost",
  ),
  unallocated: exactUsd.describe(
    "Costs of no bucket: reported ones, and those of a price that price_book does not have",
  ),
  check: z.looseObject({
    input_tokens: check(z.number()),
    output_tokens: check(z.number()),
    cost: check(exactUsd),
  }),
  statuses: z.array(z.looseObject({ status: z.string(), calls: z.number(), cost: usd })),
  unpriced: z.array(
    z.looseObject({
      provider: z.string(),
      model: z.string(),
      calls: z.number(),
      input_tokens: z.number(),
      output_tokens: z.number(),
    }),
  ),
  anomalies: z.array(
    z.looseObject({ anomaly: z.string(), meaning: z.string(), calls: z.number() }),
  ),
  reported: z
    .looseObject({ calls: z.number(), ours: exactUsd, theirs: exactUsd, difference: exactUsd })
    .describe("Calls of which the provider itself says what they cost"),
  overhead: z
    .array(
      z.looseObject({
        purpose: z.string(),
        judgements: z.number(),
        unpriced: z.number(),
        cost: usd,
      }),
    )
    .describe("What judging cost, by what for: not part of the sums above"),
  price_list: z
    .looseObject({ id: z.string(), published_on: z.string(), age_days: z.number() })
    .describe("What new calls are priced by, your own prices included"),
  lines: z.array(
    z.looseObject({
      provider: z.string(),
      model: z.string(),
      price_id: z.string(),
      status: z.string(),
      service_tier: z.string(),
      calls: z.number(),
      cost: usd,
      quantities: z.record(z.string(), z.number()),
    }),
  ),
});

const INPUT = [
  "input",
  "cacheRead",
  "cacheWrite",
  "cacheWrite1h",
  "audioInput",
  "cacheReadAudio",
  "imageInput",
] as const;
const OUTPUT = ["output", "reasoning", "audioOutput", "imageOutput"] as const;

export async function readLedger({
  store,
  query,
  nowMs,
  prices,
}: ApiCall): Promise<z.input<typeof ledgerAnswer>> {
  const { from, to, ...filters } = readParameters(ledgerShape(nowMs), query);
  checkRange(from, to);
  const days = (to - from) / 86_400_000;
  if (days > MOST_DAYS)
    throw badParameter("from", `up to ${MOST_DAYS} days before to`, `${days} days`);
  const question = { fromMs: from, toMs: to, filters };
  const [lines, anomalies, overhead] = await Promise.all([
    readLedgerLines(store, question),
    readAnomalies(store, question),
    readOverhead(store, from, to, filters.project),
  ]);
  const cost = sumOfUsd(lines, (line) => line.picoUsd ?? 0n);
  const priced = lines.filter(({ byBucket }) => byBucket !== undefined);
  const buckets = bucketsOf(lines);
  const allocated = sumOfUsd(buckets, (one) => picoUsd(one.cost));
  const unallocated = cost - sumOfUsd(priced, (line) => line.picoUsd ?? 0n);
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    calls: sumOf(lines, ({ calls }) => calls),
    cost: formatUsd(cost),
    buckets,
    rounding: formatUsd(cost - unallocated - allocated),
    unallocated: formatUsd(unallocated),
    check: {
      input_tokens: tokenCheck(lines, INPUT, ({ inputTokens }) => inputTokens),
      output_tokens: tokenCheck(lines, OUTPUT, ({ outputTokens }) => outputTokens),
      cost: {
        buckets: formatUsd(allocated + unallocated),
        stated: formatUsd(cost),
        difference: formatUsd(cost - allocated - unallocated),
      },
    },
    statuses: statusesOf(lines),
    unpriced: unpricedOf(lines),
    anomalies: [...anomalies, ...tierAnomaly(lines)].filter(({ calls }) => calls > 0),
    reported: reportedOf(lines),
    overhead,
    price_list: {
      id: prices.id,
      published_on: prices.publishedOn,
      age_days: Math.floor((nowMs - Date.parse(prices.publishedOn)) / 86_400_000),
    },
    lines: linesOf(lines),
  };
}

function bucketsOf(lines: readonly LedgerLine[]): z.input<typeof amount>[] {
  const found = BUCKETS.map((bucket) => ({
    bucket: bucket.replaceAll(/[A-Z]|1h/g, (part) => `_${part.toLowerCase()}`),
    unit: bucket.endsWith("Searches") ? ("searches" as const) : ("tokens" as const),
    quantity: sumOf(lines, ({ quantities }) => quantities[bucket]),
    cost: formatUsd(costOfBucket(lines, bucket)),
  }));
  const requests = {
    bucket: "requests",
    unit: "requests" as const,
    quantity: sumOf(lines, ({ calls }) => calls),
    cost: formatUsd(sumOfUsd(lines, ({ requestsPicoUsd }) => requestsPicoUsd)),
  };
  return [...found, requests];
}

function tokenCheck(
  lines: readonly LedgerLine[],
  of: readonly (typeof INPUT)[number][] | readonly (typeof OUTPUT)[number][],
  statedBy: (line: LedgerLine) => number,
) {
  const buckets = sumOf(lines, ({ quantities }) =>
    of.reduce((sum, bucket) => sum + quantities[bucket], 0),
  );
  const stated = sumOf(lines, statedBy);
  return { buckets, stated, difference: buckets - stated };
}

function statusesOf(lines: readonly LedgerLine[]) {
  return [...Map.groupBy(lines, ({ status }) => status)]
    .map(([status, all]) => ({
      status,
      calls: sumOf(all, ({ calls }) => calls),
      cost: status === "unpriced" ? null : formatUsd(sumOfUsd(all, (one) => one.picoUsd ?? 0n)),
    }))
    .toSorted((a, b) => b.calls - a.calls);
}

function unpricedOf(lines: readonly LedgerLine[]) {
  const none = lines.filter(({ status }) => status === "unpriced");
  return [...Map.groupBy(none, ({ provider, model }) => JSON.stringify([provider, model])).values()]
    .map((all) => ({
      provider: all[0]!.provider,
      model: all[0]!.model,
      calls: sumOf(all, ({ calls }) => calls),
      input_tokens: sumOf(all, ({ inputTokens }) => inputTokens),
      output_tokens: sumOf(all, ({ outputTokens }) => outputTokens),
    }))
    .toSorted((a, b) => b.calls - a.calls);
}

function reportedOf(lines: readonly LedgerLine[]) {
  const ours = sumOfUsd(lines, ({ oursOfReported }) => oursOfReported);
  const theirs = sumOfUsd(lines, ({ reportedPicoUsd }) => reportedPicoUsd);
  return {
    calls: sumOf(lines, ({ reportedCalls }) => reportedCalls),
    ours: formatUsd(ours),
    theirs: formatUsd(theirs),
    difference: formatUsd(theirs - ours),
  };
}

function linesOf(lines: readonly LedgerLine[]) {
  return lines.slice(0, MOST_LINES).map((line) => ({
    provider: line.provider,
    model: line.model,
    price_id: line.priceId,
    status: line.status,
    service_tier: line.serviceTier,
    calls: line.calls,
    cost: line.picoUsd === null ? null : formatUsd(line.picoUsd),
    quantities: Object.fromEntries(
      Object.entries(line.quantities).filter(([, quantity]) => quantity !== 0),
    ) as Record<string, number>,
  }));
}

/** Bits of `spans.anomalies` (collector/encode/anomalies.ts) and what else makes a cost doubtful. */
const ANOMALIES: readonly [anomaly: string, meaning: string, condition: string][] = [
  [
    "exclusive_input",
    "cached tokens were counted beside the input, and added to it",
    "bitTest(s.anomalies, 12)",
  ],
  [
    "exclusive_output",
    "reasoning was counted beside the output, and added to it",
    "bitTest(s.anomalies, 18)",
  ],
  [
    "total_mismatch",
    "the total that the sender states is not input and output",
    "bitTest(s.anomalies, 19)",
  ],
  ["invalid_tokens", "a number of tokens was none", "bitTest(s.anomalies, 13)"],
  ["no_usage", "answered, and no usage was reported", "s.usage_source = '' AND s.status = 'ok'"],
  ["estimated_usage", "usage was estimated, not reported", "s.usage_source = 'estimated'"],
  [
    "cost_differs",
    "the provider's own cost is more than a hundredth from ours",
    "s.reported_cost_source = 'provider' AND s.cost_status IN ('priced', 'estimated') AND ifNull(abs(s.reported_cost - s.cost) > s.cost / 100, false)",
  ],
];

async function readAnomalies(store: Store, question: LedgerQuestion) {
  const { where, parameters } = conditions(question);
  const counts = ANOMALIES.map(([name, , sql]) => `toFloat64(countIf(${sql})) AS ${name}`);
  const [row] = await store.rows<Record<string, number>>({
    sql: `SELECT ${counts.join(", ")} FROM assay.spans AS s WHERE ${where}`,
    parameters,
  });
  return ANOMALIES.map(([anomaly, meaning]) => ({ anomaly, meaning, calls: row?.[anomaly] ?? 0 }));
}

function tierAnomaly(lines: readonly LedgerLine[]) {
  const unknown = lines.filter(
    ({ priceId, serviceTier }) =>
      priceId !== "" &&
      !priceId.startsWith("own:") &&
      isUnknownTier(priceId.split("/")[0]!, serviceTier),
  );
  return [
    {
      anomaly: "service_tier_not_priced",
      meaning: "the price of the service tier is not known: that of the standard one was taken",
      calls: sumOf(unknown, ({ calls }) => calls),
    },
  ];
}

async function readOverhead(store: Store, from: number, to: number, project: string[] | undefined) {
  const rows = await store.rows<{
    purpose: string;
    judgements: number;
    unpriced: number;
    cost: string | null;
  }>({
    sql: `SELECT if(j.purpose = '', 'traffic', j.purpose) AS for_what, for_what AS purpose, toFloat64(count()) AS judgements,
  toFloat64(countIf(j.cost IS NULL AND j.attempts > 0)) AS unpriced,
  if(countIf(j.cost IS NOT NULL) = 0, NULL, toDecimalString(sum(ifNull(j.cost, toDecimal128(0, 12))), 12)) AS cost
FROM (
  SELECT toString(e.purpose) AS purpose, e.cost AS cost, e.attempts AS attempts FROM assay.evaluations AS e
  WHERE e.event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND e.event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')
    AND e.judge_hash != '' AND e.role != 'composite' ${project ? "AND e.project IN {project:Array(String)}" : ""}
  ORDER BY e.evaluated_at DESC LIMIT 1 BY e.evaluation_id
) AS j GROUP BY for_what ORDER BY judgements DESC`,
    parameters: { from: nanos(from), to: nanos(to), ...(project && { project }) },
  });
  return rows.map(({ purpose, judgements, unpriced, cost }) => ({
    purpose,
    judgements,
    unpriced,
    cost,
  }));
}
