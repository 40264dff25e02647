/**
 * What people would have said: quality rows corrected by the labels of a part of their records (docs/labels.md).
 *
 * The mean is corrected by the labels of the row's own records. The share that passes is corrected by how often the judge
 * errs, which is taken from the labels of ninety days. Only labels that were drawn with a known probability count here.
 */
import { krippendorffAlpha } from "@assay/statistics/agreement";
import { calibratedMean } from "@assay/statistics/calibrated-mean";
import type { ScoreSums } from "@assay/statistics/estimate";
import { roganGladen, weightedShare } from "@assay/statistics/proportion";
import { peopleSql } from "./labels/people.ts";
import { nanos } from "./parameters.ts";
import type { QualityDimension, QualityQuestion } from "./quality.ts";
import type { Store } from "./store.ts";

/** Below it nothing is corrected. */
const LEAST_LABELS = 10;
/** Below it intervals are rough. */
const ENOUGH = 30;
const ERRORS_MS = 90 * 86_400_000;
const MOST_PAIRS = 100_000;
/** Norm that passes: 4 on the scale from 1 to 5. */
export const PASS_NORM = 0.75;

/** A record that a judge and people scored, in the terms of a row's keys. */
interface Pair {
  key: string;
  time: string | null;
  label: number;
  judged: number;
  judged_pi: number;
  label_pi: number;
  scores: number[];
}

/** What a row's own scores sum to; `v` being w^2. */
interface RowSums extends ScoreSums {
  /** Weight of those that pass. */
  passed: number;
}

export type Calibrate = (row: { key: string; time: string | null }, sums: RowSums) => unknown;

/** @param where what the row's scores are limited to, with its parameters @param bucket SQL of a row's time */
export async function readCalibration(
  store: Store,
  { from, to, by, step }: QualityQuestion,
  {
    scores,
    bucket,
    parameters,
  }: { scores: string; bucket: string; parameters: Record<string, unknown> },
): Promise<Calibrate> {
  const since = Math.min(from, to - ERRORS_MS);
  const inRange =
    "event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')";
  const pairs = await store.rows<Pair & { is_in_range: boolean }>({
    sql: `SELECT ${keySql(by, "j.")} AS key, ${step === undefined ? "NULL" : bucket.replaceAll("event_time", "j.event_time")} AS time,
  j.event_time >= fromUnixTimestamp64Nano({asked_from:Int64}, 'UTC') AS is_in_range,
  h.label AS label, assumeNotNull(j.norm) AS judged, j.pi AS judged_pi, h.label_pi AS label_pi, h.label_scores AS scores
FROM (SELECT * FROM (${scores}) WHERE status = 'ok' AND norm IS NOT NULL) AS j
INNER JOIN (${peopleSql(inRange)} HAVING is_drawn) AS h ON h.trace_id = j.trace_id AND h.span_id = j.span_id AND h.name = j.name
LIMIT ${MOST_PAIRS}`,
    parameters: { ...parameters, from: nanos(since), asked_from: nanos(from) },
  });
  const ofKey = Map.groupBy(pairs, ({ key }) => key);
  const ofRow = Map.groupBy(
    pairs.filter((pair) => pair.is_in_range),
    ({ key, time }) => rowKey(key, time),
  );
  return ({ key, time }, sums) =>
    calibrated(sums, ofRow.get(rowKey(key, time)) ?? [], ofKey.get(key) ?? []);
}

/** The same text for a row of quality and for a pair. */
export function keySql(by: readonly QualityDimension[], of = ""): string {
  return `toJSONString([${["name", ...by].map((name) => `toString(${of}${name})`).join(", ")}])`;
}

function rowKey(key: string, time: string | null): string {
  return `${time ?? ""} ${key}`;
}

function calibrated(sums: RowSums, own: readonly Pair[], all: readonly Pair[]): unknown {
  if (own.length < LEAST_LABELS || sums.n === 0) return null;
  const mean = calibratedMean(
    sums,
    own.map(({ label, judged, judged_pi, label_pi }) => ({
      label,
      judged,
      judgedWeight: 1 / judged_pi,
      labelledWeight: 1 / label_pi,
    })),
  );
  const twice = all.filter(({ scores }) => scores.length > 1);
  return {
    labels: own.length,
    too_few: own.length < ENOUGH,
    mean: mean.mean,
    low: Math.max(0, mean.low),
    high: Math.min(1, mean.high),
    lambda: mean.lambda,
    effective_labels: mean.effectiveLabels ?? null,
    labels_alone: mean.labelsAlone,
    pass_rate: passRate(sums, all),
    labelled_twice: twice.length,
    people_alpha:
      krippendorffAlpha(
        twice.map(({ scores }) => scores),
        "ordinal",
      ) ?? null,
  };
}

/** Rogan and Gladen's, from the judge's errors on what people passed and failed. Null: not enough of either. */
function passRate(sums: RowSums, pairs: readonly Pair[]): unknown {
  const rated = (people: boolean) =>
    weightedShare(
      pairs
        .filter(({ label }) => label >= PASS_NORM === people)
        .map(({ judged, label_pi }) => ({
          passed: judged >= PASS_NORM === people,
          inclusionProbability: label_pi,
        })),
    );
  const [sensitivity, specificity] = [rated(true), rated(false)];
  if (!sensitivity || !specificity) return null;
  const judged = Math.min(1, sums.passed / sums.w);
  const corrected = roganGladen({
    passed: judged,
    n: (sums.w * sums.w) / sums.w2,
    sensitivity: sensitivity.share,
    passes: sensitivity.effectiveN,
    specificity: specificity.share,
    fails: specificity.effectiveN,
  });
  return {
    judged,
    share: corrected?.share ?? null,
    low: corrected?.low ?? null,
    high: corrected?.high ?? null,
    sensitivity: sensitivity.share,
    specificity: specificity.share,
    /** What the judge says tells next to nothing of what people say. */
    uninformative: corrected === undefined,
  };
}
