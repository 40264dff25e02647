/**
 * A mean that people would give, from a few of their labels and many of a judge's scores: prediction-powered inference
 * with a tuned weight (Angelopoulos, Duchi, Zrnic: PPI++, arXiv 2311.01453). A judge that says nothing gets the weight 0,
 * and the people's mean is left.
 */
import { twoSidedZ } from "./distributions.ts";
import { requireLength, requireSameLength } from "./domain.ts";

export interface PredictionPowered {
  mean: number;
  standardError: number;
  low: number;
  high: number;
  /** How much the judge is listened to, from 0 to 1. */
  lambda: number;
  /** Labels by people alone that would tell as much. */
  effectiveLabels: number;
}

export interface LabelledAndJudged {
  /** People's scores, and the judge's of the same records. */
  labels: readonly number[];
  judged: readonly number[];
  /** The judge's scores of records without a label. */
  unlabelled: readonly number[];
}

/** @param lambda fixed instead of tuned */
export function predictionPowered(
  { labels, judged, unlabelled }: LabelledAndJudged,
  { level = 0.95, lambda }: { level?: number; lambda?: number } = {},
): PredictionPowered {
  requireSameLength("judged", labels, judged);
  requireLength("labels", labels, 2);
  requireLength("unlabelled", unlabelled, 2);
  const n = labels.length;
  const N = unlabelled.length;
  const variance = sampleVariance([...judged, ...unlabelled]);
  const tuned =
    variance === 0
      ? 0
      : Math.min(1, Math.max(0, covariance(labels, judged) / ((1 + n / N) * variance)));
  const weight = lambda ?? tuned;
  const rest = labels.map((label, i) => label - weight * judged[i]!);
  const mean = weight * average(unlabelled) + average(rest);
  const squared = (weight * weight * sampleVariance(unlabelled)) / N + sampleVariance(rest) / n;
  const standardError = Math.sqrt(squared);
  const half = twoSidedZ(level) * standardError;
  return {
    mean,
    standardError,
    low: mean - half,
    high: mean + half,
    lambda: weight,
    effectiveLabels: squared === 0 ? Infinity : sampleVariance(labels) / squared,
  };
}

function covariance(x: readonly number[], y: readonly number[]): number {
  const meanX = average(x);
  const meanY = average(y);
  return x.reduce((sum, value, i) => sum + (value - meanX) * (y[i]! - meanY), 0) / (x.length - 1);
}

function sampleVariance(values: readonly number[]): number {
  return covariance(values, values);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
