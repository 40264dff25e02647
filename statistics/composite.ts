/** One score of several metrics: 60 % correctness, 20 % faithfulness and 20 % professionalism, or any weights. */
import { requireBetween } from "./domain.ts";

/** What became of a part. Only `ok` has a value. */
export interface Part {
  status: "ok" | "abstain" | "not_applicable" | "failed";
  /** From 0, worst, to 1. */
  norm?: number;
}

/**
 * What a missing part means. `require`: none is produced when a part failed or the judge abstained; parts that do not apply are left out of
 * the sum. `strict`: none is produced when any part is missing. `floor`: a part that is missing counts as 0.
 */
export type MissingPolicy = "require" | "strict" | "floor";

export interface Gate {
  metric: string;
  /** When this metric is below … */
  below: number;
  /** … the whole is at most this. */
  max: number;
}

export interface CompositeOptions {
  /** By metric; positive. They need not sum to 1. */
  weights: Readonly<Record<string, number>>;
  missing?: MissingPolicy;
  gates?: readonly Gate[];
}

export interface Composite {
  norm: number;
  /** Share of the weight whose parts were there. */
  coverage: number;
  /** The metrics that it is made of: scores of different variants are not one series. */
  variant: readonly string[];
}

/** Undefined: none can be produced, which is not a score of 0. */
export function composite(
  parts: Readonly<Record<string, Part | undefined>>,
  { weights, missing = "require", gates = [] }: CompositeOptions,
): Composite | undefined {
  let [sum, present, all] = [0, 0, 0];
  const variant: string[] = [];
  for (const [metric, weight] of Object.entries(weights)) {
    requireBetween(`weights.${metric}`, weight, 0, Infinity);
    all += weight;
    const part = parts[metric];
    if (part?.status === "ok" && part.norm !== undefined) {
      sum += weight * part.norm;
      present += weight;
      variant.push(metric);
    } else if (missing === "strict" || (missing === "require" && part?.status !== "not_applicable"))
      return undefined;
  }
  if (present === 0) return undefined;
  const norm = sum / (missing === "floor" ? all : present);
  return { norm: gated(norm, parts, gates), coverage: present / all, variant: variant.toSorted() };
}

function gated(
  norm: number,
  parts: Readonly<Record<string, Part | undefined>>,
  gates: readonly Gate[],
): number {
  return gates.reduce((capped, { metric, below, max }) => {
    const value = parts[metric]?.norm;
    return value !== undefined && value < below ? Math.min(capped, max) : capped;
  }, norm);
}
