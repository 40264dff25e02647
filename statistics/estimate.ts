/**
 * Means of sampled scores, with the error that sampling leaves.
 *
 * A record is scored with a known probability pi, decided before it was scored and for each record by itself (Poisson
 * sampling). Each score stands for 1 / pi records: `w`. Särndal, Swensson, Wretman: Model Assisted Survey Sampling, ch. 5.
 */
import { twoSidedZ } from "./distributions.ts";
import { requireProbabilities, requireWithin } from "./domain.ts";

export interface Observation {
  value: number;
  /** Above 0, at most 1. */
  inclusionProbability: number;
  /** Whose records it is one of: a user's are not independent. */
  cluster?: string;
}

export interface Estimate {
  mean: number;
  /** Null: it cannot be told from one observation. */
  standardError: number | null;
  low: number | null;
  high: number | null;
  /** Scores that went into it. */
  n: number;
  /** (sum of w)^2 / sum of w^2 (Kish): as many scores of one weight would tell as much. */
  effectiveN: number;
}

export interface EstimateOptions {
  /** Of the interval. @default 0.95 */
  level?: number;
  /**
   * The question is about the system (is it worse?) and not about these records (how good were they?): records that
   * were all scored are a sample then as well. @default false
   */
  superpopulation?: boolean;
}

/**
 * What a query sums over scores instead of fetching them. `v` are the terms of the variance: w^2 for the system's mean,
 * (1 - pi) w^2 for that of these records.
 */
export interface ScoreSums {
  n: number;
  /** Sum of w, of w^2, of w y. */
  w: number;
  w2: number;
  wy: number;
  /** Sum of v, of v y, of v y^2. */
  v: number;
  vy: number;
  vy2: number;
}

/** The weighted mean: sum of w y / sum of w. Undefined when there is no score. */
export function hajek(
  observations: readonly Observation[],
  options: EstimateOptions = {},
): Estimate | undefined {
  const clustered = observations.some(({ cluster }) => cluster !== undefined);
  const sums = sumsOf(observations, options);
  return clustered
    ? withVariance(sums, clusteredVariance(observations, sums), options)
    : hajekFromSums(sums, options);
}

/** The same from sums; `v` decides for which question. */
export function hajekFromSums(
  sums: ScoreSums,
  options: Pick<EstimateOptions, "level"> = {},
): Estimate | undefined {
  if (sums.n === 0) return undefined;
  const mean = sums.wy / sums.w;
  // A difference of near equals may come out a little below nothing.
  const variance = Math.max(0, sums.vy2 - 2 * mean * sums.vy + mean * mean * sums.v);
  return withVariance(sums, variance / (sums.w * sums.w), options);
}

export function sumsOf(
  observations: readonly Observation[],
  { superpopulation = false }: EstimateOptions = {},
): ScoreSums {
  requireProbabilities(
    "inclusionProbability",
    observations.map(({ inclusionProbability }) => inclusionProbability),
  );
  const sums: ScoreSums = { n: 0, w: 0, w2: 0, wy: 0, v: 0, vy: 0, vy2: 0 };
  for (const { value, inclusionProbability: pi } of observations) {
    const w = 1 / pi;
    const v = (superpopulation ? 1 : 1 - pi) * w * w;
    sums.n++;
    sums.w += w;
    sums.w2 += w * w;
    sums.wy += w * value;
    sums.v += v;
    sums.vy += v * value;
    sums.vy2 += v * value * value;
  }
  return sums;
}

/**
 * The total over a known number of records, and its mean: sum of w y / N. Exact in expectation for any sample, wider
 * than `hajek` where the scores are far from 0.
 */
export function horvitzThompson(
  observations: readonly Observation[],
  records: number,
  { level = 0.95 }: Pick<EstimateOptions, "level"> = {},
): Estimate & { total: number; totalVariance: number } {
  const sums = sumsOf(observations);
  const totalVariance = sums.vy2;
  const estimate = withVariance(sums, totalVariance / (records * records), { level });
  const mean = sums.wy / records;
  const shift = mean - estimate.mean;
  return {
    ...estimate,
    mean,
    low: estimate.low === null ? null : estimate.low + shift,
    high: estimate.high === null ? null : estimate.high + shift,
    total: sums.wy,
    totalVariance,
  };
}

export interface Stratum {
  /** Records in it, scored or not. */
  records: number;
  values: readonly number[];
}

/**
 * The mean of strata of known size, each estimated by itself. Strata with fewer than two scores are taken together with
 * the smallest other one that has some; undefined when nothing was scored.
 */
export function postStratified(
  strata: readonly Stratum[],
  { level = 0.95 }: Pick<EstimateOptions, "level"> = {},
): Estimate | undefined {
  const cells = collapsed(strata);
  const records = cells.reduce((sum, cell) => sum + cell.records, 0);
  const values = cells.reduce((sum, cell) => sum + cell.values.length, 0);
  if (values === 0 || records === 0) return undefined;
  let mean = 0;
  let variance: number | null = 0;
  let weightSquares = 0;
  for (const { records: size, values: scores } of cells) {
    const share = size / records;
    mean += share * average(scores);
    weightSquares += (share * share) / scores.length;
    if (scores.length < 2) variance = null;
    else if (variance !== null)
      variance +=
        (share * share * Math.max(0, 1 - scores.length / size) * sampleVariance(scores)) /
        scores.length;
  }
  return { ...interval(mean, variance, level), n: values, effectiveN: 1 / weightSquares };
}

function collapsed(strata: readonly Stratum[]): Stratum[] {
  const filled = strata.filter(({ records, values }) => records > 0 || values.length > 0);
  const cells = filled.toSorted((a, b) => a.values.length - b.values.length);
  while (cells.length > 1 && cells[0]!.values.length < 2) {
    const [poor, next, ...others] = cells as [Stratum, Stratum, ...Stratum[]];
    const values = [...poor.values, ...next.values];
    cells.splice(0, cells.length, { records: poor.records + next.records, values }, ...others);
    cells.sort((a, b) => a.values.length - b.values.length);
  }
  return cells;
}

/** (C / (C - 1)) * sum over clusters of (sum of w (y - mean))^2 / (sum of w)^2. */
function clusteredVariance(observations: readonly Observation[], sums: ScoreSums): number | null {
  const mean = sums.wy / sums.w;
  const byCluster = new Map<string, number>();
  observations.forEach(({ value, inclusionProbability, cluster }, at) => {
    const key = cluster === undefined ? `\0${at}` : cluster;
    byCluster.set(key, (byCluster.get(key) ?? 0) + (value - mean) / inclusionProbability);
  });
  if (byCluster.size < 2) return null;
  let squares = 0;
  for (const deviation of byCluster.values()) squares += deviation * deviation;
  return ((byCluster.size / (byCluster.size - 1)) * squares) / (sums.w * sums.w);
}

function withVariance(
  sums: ScoreSums,
  variance: number | null,
  { level = 0.95 }: Pick<EstimateOptions, "level">,
): Estimate {
  const known = sums.n > 1 ? variance : null;
  return {
    ...interval(sums.wy / sums.w, known, level),
    n: sums.n,
    effectiveN: (sums.w * sums.w) / sums.w2,
  };
}

function interval(
  mean: number,
  variance: number | null,
  level: number,
): Pick<Estimate, "mean" | "standardError" | "low" | "high"> {
  requireWithin("level", level, 0.5, 0.9999);
  if (variance === null) return { mean, standardError: null, low: null, high: null };
  const standardError = Math.sqrt(variance);
  const half = twoSidedZ(level) * standardError;
  return { mean, standardError, low: mean - half, high: mean + half };
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function sampleVariance(values: readonly number[]): number {
  const mean = average(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}
