/**
 * Judges that look at nothing, to hold real ones against: one that always gives the highest score, one that goes by the
 * answer's length, one that draws from how often another gave each score. A judge that is not better than these is none.
 */
import { seededRandom } from "@assay/statistics/random";

export const DUMMIES = ["always-best", "length", "random"] as const;
export type Dummy = (typeof DUMMIES)[number];

export function isDummy(name: string): name is Dummy {
  return DUMMIES.some((dummy) => dummy === name);
}

export interface DummyMaterial {
  /** Of each record. */
  answers: readonly (string | undefined)[];
  levels: number;
  /** Scores whose frequencies `random` has: people's, or else the first judge's. */
  model: readonly number[];
  /** @default 1 */
  seed?: number;
}

/** A score for each record. */
export function dummyScores(dummy: Dummy, material: DummyMaterial): number[] {
  const { answers, levels, model, seed = 1 } = material;
  switch (dummy) {
    case "always-best":
      return answers.map(() => levels);
    case "length":
      return byLength(answers, levels);
    case "random": {
      const random = seededRandom(seed);
      const any = model.length > 0 ? model : Array.from({ length: levels }, (_, at) => at + 1);
      return answers.map(() => any[Math.floor(random() * any.length)]!);
    }
  }
}

/** The longer the better: equal parts of the records get each score. */
function byLength(answers: readonly (string | undefined)[], levels: number): number[] {
  const lengths = answers.map((answer) => answer?.length ?? 0);
  const sorted = lengths.toSorted((a, b) => a - b);
  return lengths.map((length) => {
    const first = sorted.indexOf(length);
    const last = sorted.lastIndexOf(length);
    const rank = (first + last) / 2 / Math.max(1, sorted.length - 1);
    return 1 + Math.min(levels - 1, Math.floor(rank * levels));
  });
}
