/**
 * Experiments: the runs of each, what the metrics came to, and two runs of one compared item by item.
 *
 * A run's mean has the interval of its items as a sample; two runs of the same items are compared pairwise, which tells
 * smaller differences apart. Of several metrics, those differences stand of which at most one in ten may be chance
 * (Benjamini and Hochberg).
 */
import { benjaminiHochberg } from "@assay/statistics/compare-means";
import { hajekFromSums } from "@assay/statistics/estimate";
import { type PairedDifference, pairedDifference } from "@assay/statistics/paired-means";
import { z } from "zod";
import { range } from "./answers.ts";
import type { ApiCall } from "./endpoint.ts";
import { badParameter } from "./errors.ts";
import { checkRange, nanos, readParameters, time } from "./parameters.ts";
import type { Store } from "./store.ts";

const MOST_RUNS = 500;
const FALSE_DISCOVERIES = 0.1;
const MOST_ITEMS = 50;
const NAMES = "two names of runs of the experiment, separated by a comma";

export function experimentsShape(nowMs: number) {
  return {
    from: time(nowMs),
    to: time(nowMs),
    experiment: z.string().optional(),
    compare: z.string().optional(),
    metric: z.string().optional(),
  };
}

const nullable = z.number().nullable();
const estimate = z.looseObject({
  metric: z.string(),
  mean: nullable,
  low: nullable,
  high: nullable,
  n: z.number(),
});
const run = z.looseObject({
  experiment: z.string(),
  run: z.string(),
  started_at: z.string(),
  finished_at: z.string().nullable().describe("Null: it was cut short, or is under way"),
  model: z.string().describe("Empty: the answers were given"),
  prompt_version: z.string(),
  dataset_hash: z.string(),
  items: z.number(),
  metrics: z.array(estimate),
});

export const experimentsAnswer = z.looseObject({
  ...range,
  runs: z.array(run),
  comparison: z
    .looseObject({
      first: z.string(),
      second: z.string(),
      same_dataset: z.boolean(),
      metrics: z.array(
        z.looseObject({
          metric: z.string(),
          n: z.number(),
          difference: nullable.describe("First less second"),
          low: nullable,
          high: nullable,
          stands: z.boolean(),
        }),
      ),
      items: z.array(z.looseObject({ item: z.string(), difference: z.number() })),
    })
    .optional(),
});

interface RunRow {
  experiment: string;
  run: string;
  started_at: string;
  finished_at: string | null;
  dataset: string;
  dataset_hash: string;
  items: number;
  failed: number;
  provider: string;
  model: string;
  prompt_version: string;
  prompt_hash: string;
  parameters: string;
  judges: string;
}

interface SumRow {
  experiment: string;
  run: string;
  metric: string;
  n: number;
  sum: number;
  squares: number;
  failed: number;
}

export interface ExperimentsQuestion {
  /** Unix milliseconds: when a run began. */
  from: number;
  to: number;
  experiment?: string | undefined;
  /** Two runs. */
  compare?: readonly [string, string] | undefined;
  /** Whose items are listed. @default composite, or else the first */
  metric?: string | undefined;
}

export type ExperimentsAnswer = z.output<typeof experimentsAnswer>;

export async function getExperiments({ store, query, nowMs }: ApiCall): Promise<ExperimentsAnswer> {
  const asked = readParameters(experimentsShape(nowMs), query);
  const { from, to, experiment, compare, metric } = asked;
  checkRange(from, to);
  if (compare === undefined) return readExperiments(store, { from, to, experiment });
  if (experiment === undefined)
    throw badParameter("experiment", "the one whose runs are compared", "");
  const [first, second, ...more] = compare.split(",").map((name) => name.trim());
  if (!first || !second || more.length > 0)
    throw badParameter("compare", NAMES, compare.slice(0, 200));
  return readExperiments(store, { from, to, experiment, compare: [first, second], metric });
}

/** @throws ApiError when a run that is to be compared is not there */
export async function readExperiments(
  store: Store,
  question: ExperimentsQuestion,
): Promise<ExperimentsAnswer> {
  const { from, to, experiment, compare } = question;
  const parameters = { from: nanos(from), to: nanos(to), ...(experiment && { experiment }) };
  const [rows, sums] = await Promise.all([
    store.rows<RunRow>({ sql: runsSql(experiment !== undefined), parameters }),
    store.rows<SumRow>({ sql: sumsSql(experiment !== undefined), parameters }),
  ]);
  const bySum = Map.groupBy(sums, (row) => JSON.stringify([row.experiment, row.run]));
  const runs = rows.map(({ parameters: settings, judges, ...row }) => ({
    ...row,
    parameters: JSON.parse(settings) as unknown,
    judges: JSON.parse(judges) as unknown,
    metrics: (bySum.get(JSON.stringify([row.experiment, row.run])) ?? []).map(meanOf),
  }));
  const answer = { from: new Date(from).toISOString(), to: new Date(to).toISOString(), runs };
  if (!compare || experiment === undefined) return answer;
  const [first, second] = compare.map((name) => {
    const found = runs.find((one) => one.run === name && one.experiment === experiment);
    if (found) return found;
    throw badParameter("compare", NAMES, name);
  }) as [(typeof runs)[number], (typeof runs)[number]];
  const comparison = await comparisonOf(store, { experiment, first: first.run, second: second.run, metric: question.metric }); // prettier-ignore
  return {
    ...answer,
    comparison: { ...comparison, same_dataset: first.dataset_hash === second.dataset_hash },
  };
}

/** A run's newer row says that it is done. */
function runsSql(one: boolean): string {
  const iso = (column: string): string => `concat(replaceOne(toString(${column}), ' ', 'T'), 'Z')`;
  return `SELECT experiment, run, ${iso("started_at")} AS started_at, if(finished_at IS NULL, NULL, ${iso("assumeNotNull(finished_at)")}) AS finished_at, dataset, dataset_hash,
  toFloat64(items) AS items, toFloat64(failed) AS failed, provider, model, prompt_version, prompt_hash, parameters, judges
FROM (SELECT * FROM assay.experiment_runs AS r
  WHERE r.started_at >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND r.started_at < fromUnixTimestamp64Nano({to:Int64}, 'UTC') ${one ? "AND r.experiment = {experiment:String}" : ""}
  ORDER BY r.finished_at IS NULL, r.started_at LIMIT 1 BY r.experiment, r.run)
ORDER BY experiment, started_at, run LIMIT ${MOST_RUNS}`;
}

function sumsSql(one: boolean): string {
  return `SELECT experiment, run, name AS metric, toFloat64(countIf(${SCORED})) AS n, sumIf(assumeNotNull(norm), ${SCORED}) AS sum,
  sumIf(assumeNotNull(norm) * assumeNotNull(norm), ${SCORED}) AS squares, toFloat64(countIf(status = 'failed')) AS failed
FROM (${scoresSql(`event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')${one ? " AND experiment = {experiment:String}" : ""}`)})
GROUP BY experiment, run, metric ORDER BY experiment, run, metric LIMIT 50000`;
}

const SCORED = "status = 'ok' AND norm IS NOT NULL";

function scoresSql(where: string): string {
  return `SELECT * FROM assay.evaluations WHERE purpose = 'experiment' AND ${where} ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id`;
}

function meanOf({ metric, n, sum, squares, failed }: SumRow) {
  const found = hajekFromSums({ n, w: n, w2: n, wy: sum, v: n, vy: sum, vy2: squares });
  return {
    metric,
    mean: found?.mean ?? null,
    low: within(found?.low),
    high: within(found?.high),
    n,
    failed,
  };
}

function within(value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : Math.min(1, Math.max(0, value));
}

interface PairRow {
  metric: string;
  trace_id: string;
  first: number;
  second: number;
}

interface Compared {
  experiment: string;
  first: string;
  second: string;
  metric: string | undefined;
}

async function comparisonOf(store: Store, compared: Compared) {
  const { experiment, first, second } = compared;
  const parameters = { experiment, first, second };
  const pairs = await store.rows<PairRow>({
    sql: `SELECT name AS metric, lower(hex(trace_id)) AS trace_id, anyIf(assumeNotNull(norm), run = {first:String}) AS first, anyIf(assumeNotNull(norm), run = {second:String}) AS second
FROM (${scoresSql("experiment = {experiment:String} AND run IN ({first:String}, {second:String})")}) WHERE ${SCORED}
GROUP BY metric, trace_id HAVING countIf(run = {first:String}) > 0 AND countIf(run = {second:String}) > 0 ORDER BY metric, trace_id`,
    parameters,
  });
  const found = [...Map.groupBy(pairs, ({ metric }) => metric)].map(([metric, own]) => ({
    metric,
    n: own.length,
    paired: pairedDifference(
      own.map((pair) => pair.first),
      own.map((pair) => pair.second),
    ),
  }));
  const stands = benjaminiHochberg(
    found.map(({ paired }) => paired?.p ?? 1),
    FALSE_DISCOVERIES,
  );
  const shown =
    compared.metric ??
    (found.some(({ metric }) => metric === "composite") ? "composite" : found[0]?.metric);
  return {
    first,
    second,
    metrics: found.map(({ metric, n, paired }, at) => ({
      metric,
      n,
      ...differenceFields(paired),
      stands: paired !== undefined && stands[at]!,
    })),
    items_of: shown ?? null,
    items: await itemsOf(
      store,
      parameters,
      pairs.filter(({ metric }) => metric === shown),
    ),
  };
}

function differenceFields(paired: PairedDifference | undefined) {
  return {
    difference: paired?.difference ?? null,
    low: paired?.low ?? null,
    high: paired?.high ?? null,
    p: paired?.p ?? null,
    better: paired?.better ?? 0,
    worse: paired?.worse ?? 0,
    equal: paired?.equal ?? 0,
  };
}

interface OutputRow {
  trace_id: string;
  item: string;
  question: string;
  reference: string;
  first_answer: string;
  second_answer: string;
}

/** Those that differ most, with what was answered. */
async function itemsOf(
  store: Store,
  parameters: { experiment: string; first: string; second: string },
  pairs: readonly PairRow[],
) {
  const most = pairs
    .map((pair) => ({ ...pair, difference: pair.first - pair.second }))
    .filter(({ difference }) => difference !== 0)
    .toSorted((a, b) => Math.abs(b.difference) - Math.abs(a.difference))
    .slice(0, MOST_ITEMS);
  if (most.length === 0) return [];
  const rows = await store.rows<OutputRow>({
    sql: `SELECT trace_id, any(item) AS item, any(question) AS question, any(reference) AS reference,
  anyIf(answer, run = {first:String}) AS first_answer, anyIf(answer, run = {second:String}) AS second_answer
FROM assay.experiment_outputs WHERE experiment = {experiment:String} AND run IN ({first:String}, {second:String}) AND trace_id IN {items:Array(String)}
GROUP BY trace_id`,
    parameters: { ...parameters, items: most.map(({ trace_id }) => trace_id) },
  });
  const outputs = new Map(rows.map(({ trace_id, ...row }) => [trace_id, row]));
  return most.flatMap(({ trace_id, first, second, difference }) => {
    const output = outputs.get(trace_id);
    return output ? [{ ...output, first, second, difference }] : [];
  });
}
