/** A judge's score taken as the probability that people pass the record: how far off is it? */
import { requireLength, requireSameLength } from "./domain.ts";

const BINS = 10;

/** Mean squared distance. Brier 1950. */
export function brierScore(scores: readonly number[], passes: readonly boolean[]): number {
  requireSameLength("passes", scores, passes);
  requireLength("scores", scores, 1);
  return (
    scores.reduce((sum, score, at) => sum + (score - Number(passes[at])) ** 2, 0) / scores.length
  );
}

/** Expected calibration error: mean distance of score and share passed, over ten equal ranges of the score. */
export function calibrationError(scores: readonly number[], passes: readonly boolean[]): number {
  requireSameLength("passes", scores, passes);
  requireLength("scores", scores, 1);
  const bins = Array.from({ length: BINS }, () => ({ scores: 0, passes: 0 }));
  scores.forEach((score, at) => {
    const bin = bins[Math.min(BINS - 1, Math.max(0, Math.floor(score * BINS)))]!;
    bin.scores += score;
    bin.passes += Number(passes[at]);
  });
  return bins.reduce((sum, bin) => sum + Math.abs(bin.scores - bin.passes), 0) / scores.length;
}
