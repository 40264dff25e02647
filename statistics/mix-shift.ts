/**
 * Why a mean moved between two periods: because segments got better or worse, or because there is more of some and less
 * of others (Kitagawa 1955). The two sum to the change exactly.
 */

export interface SegmentMean {
  segment: string;
  /** Of the period's records; over all segments of a period they sum to 1. */
  share: number;
  mean: number;
}

export interface MixShift {
  change: number;
  /** Segments' own change, at the mean of their shares. */
  rate: number;
  /** Their changed shares, at the mean of their means. */
  mix: number;
  /** Largest first, by size. */
  segments: { segment: string; rate: number; mix: number }[];
}

/** A segment that one period lacks is taken to have had, there, the mean that it has in the other. */
export function mixShift(before: readonly SegmentMean[], after: readonly SegmentMean[]): MixShift {
  const old = new Map(before.map((one) => [one.segment, one]));
  const now = new Map(after.map((one) => [one.segment, one]));
  const segments = [...new Set([...old.keys(), ...now.keys()])].map((segment) => {
    const first = old.get(segment) ?? { share: 0, mean: now.get(segment)!.mean };
    const second = now.get(segment) ?? { share: 0, mean: first.mean };
    return {
      segment,
      rate: ((first.share + second.share) / 2) * (second.mean - first.mean),
      mix: ((first.mean + second.mean) / 2) * (second.share - first.share),
    };
  });
  const rate = segments.reduce((sum, one) => sum + one.rate, 0);
  const mix = segments.reduce((sum, one) => sum + one.mix, 0);
  segments.sort((a, b) => Math.abs(b.rate + b.mix) - Math.abs(a.rate + a.mix));
  return { change: rate + mix, rate, mix, segments };
}
