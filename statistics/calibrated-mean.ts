/**
 * The mean that people would give over all judged records, from the judge's scores of all of them and people's of a drawn
 * part: lambda times the judge's mean, plus the mean of what the part's labels differ from lambda times its scores.
 * PPI++ (arXiv 2311.01453) for samples of unequal probability, where the labelled are among the judged.
 *
 * Each record adds its own term to the error, `lambda a + b`: what it does to the judge's mean, and, if it is labelled, to
 * the two means of the part. The lambda that makes the sum of squares least is used, between 0 and 1: a judge that says
 * nothing is not listened to, and the people's weighted mean is left. The question is about the system, so that judged
 * records are a sample themselves.
 */
import { twoSidedZ } from "./distributions.ts";
import { requireLength } from "./domain.ts";
import type { ScoreSums } from "./estimate.ts";

export interface LabelledRecord {
  /** People's mean score, and the judge's. */
  label: number;
  judged: number;
  /** 1 / the probability that it was judged, and that it was judged and labelled. */
  judgedWeight: number;
  labelledWeight: number;
}

export interface CalibratedMean {
  mean: number;
  standardError: number;
  low: number;
  high: number;
  /** How far the judge is listened to. */
  lambda: number;
  labels: number;
  /** Labels that would tell as much by themselves; undefined: no spread. */
  effectiveLabels: number | undefined;
  /** The labels' own weighted mean. */
  labelsAlone: number;
}

/** @param judged sums over all judged records, the labelled too, `v` being w^2 */
export function calibratedMean(
  judged: ScoreSums,
  labelled: readonly LabelledRecord[],
  { level = 0.95 }: { level?: number } = {},
): CalibratedMean {
  requireLength("labelled", labelled, 2);
  const judgeMean = judged.wy / judged.w;
  const weight = sum(labelled.map(({ labelledWeight }) => labelledWeight));
  const over = (value: (record: LabelledRecord) => number): number =>
    sum(labelled.map((record) => record.labelledWeight * value(record))) / weight;
  const partMean = over(({ judged: score }) => score);
  const labelMean = over(({ label }) => label);
  const terms = labelled.map(({ label, judged: score, judgedWeight, labelledWeight }) => ({
    ofAll: (judgedWeight * (score - judgeMean)) / judged.w,
    ofPart: (labelledWeight * (score - partMean)) / weight,
    b: (labelledWeight * (label - labelMean)) / weight,
  }));
  const allSquares =
    Math.max(0, judged.vy2 - 2 * judgeMean * judged.vy + judgeMean ** 2 * judged.v) / judged.w ** 2;
  const others = Math.max(0, allSquares - sum(terms.map(({ ofAll }) => ofAll ** 2)));
  const aa = others + sum(terms.map(({ ofAll, ofPart }) => (ofAll - ofPart) ** 2));
  const ab = sum(terms.map(({ ofAll, ofPart, b }) => (ofAll - ofPart) * b));
  const bb = sum(terms.map(({ b }) => b * b));
  const lambda = aa === 0 ? 0 : Math.min(1, Math.max(0, -ab / aa));
  const n = labelled.length;
  // Few labels look closer to their own mean than they are.
  const variance = (lambda * lambda * aa + 2 * lambda * ab + bb) * (n / (n - 1));
  const standardError = Math.sqrt(Math.max(0, variance));
  const mean = lambda * judgeMean + labelMean - lambda * partMean;
  const half = twoSidedZ(level) * standardError;
  return {
    mean,
    standardError,
    low: mean - half,
    high: mean + half,
    lambda,
    labels: n,
    effectiveLabels: variance > 0 ? (n * bb * (n / (n - 1))) / variance : undefined,
    labelsAlone: labelMean,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
