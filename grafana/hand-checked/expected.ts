/** Test support: what a panel must answer of the records of records.ts, worked out without its SQL. */
import { hajek } from "@assay/statistics/estimate";

/** In place of a number: it comes from a sketch, which keeps three digits. */
export interface About {
  about: number;
}

export type Cell = string | number | null | About;

/** The columns, in their order, and the rows in theirs. */
type Rows = readonly [columns: string, ...rows: readonly (readonly Cell[])[]];

/** By the panel's title. */
export type ExpectedPanels = Readonly<Record<string, Rows>>;

export const about = (number: number): About => ({ about: number });

/** Steps of the charts, as the engine writes them. */
export const H22 = "2035-03-15 22:00:00";
export const H10 = "2035-03-16 10:00:00";
export const H11 = "2035-03-16 11:00:00";

/** Mean and 95 % interval of scores, each with the probability with which its record was judged. */
export function interval(
  ...scores: readonly (readonly [value: number, probability: number])[]
): [mean: number, low: number, high: number] {
  const { mean, low, high } = hajek(
    scores.map(([value, inclusionProbability]) => ({ value, inclusionProbability })),
  )!;
  return [mean, Math.max(0, low ?? mean), Math.min(1, high ?? mean)];
}

export const rounded = (number: number): number => Math.round(number * 1_000) / 1_000;
