/**
 * Two raters of the same records, be they judges or people: how far they agree, with intervals, who is the milder, who
 * passes what. Shares have Wilson's interval, kappas the one of Fleiss, Cohen and Everitt, all else that of a seeded
 * bootstrap over records.
 */
import { cohenKappa, confusionMatrix, type Kappa } from "./agreement.ts";
import { mcnemar } from "./mcnemar.ts";
import { wilson } from "./proportion.ts";
import { seededRandom } from "./random.ts";
import { tableStatistics, type TableStatistics } from "./score-table.ts";

export interface Estimated {
  value: number;
  low: number;
  high: number;
}

export interface JudgeComparison {
  /** Scored by both. */
  records: number;
  exact: Estimated | undefined;
  withinOne: Estimated | undefined;
  kappa: Estimated | undefined;
  kappaLinear: Estimated | undefined;
  kappaQuadratic: Estimated | undefined;
  ac1: Estimated | undefined;
  alpha: Estimated | undefined;
  pearson: Estimated | undefined;
  spearman: Estimated | undefined;
  kendall: Estimated | undefined;
  /** First less second, in levels. */
  bias: Estimated | undefined;
  differenceDeviation: number | undefined;
  /** Rows: the first's score, from 1; columns: the second's. */
  confusion: number[][];
  passing: Passing;
}

export interface Passing {
  both: number;
  firstOnly: number;
  secondOnly: number;
  neither: number;
  mcnemarP: number;
}

export interface ComparisonOptions {
  /** The scale is 1 … levels. @default 5 */
  levels?: number;
  /** The least score that passes. @default the last but one */
  pass?: number;
  /** @default 2000, fewer where there are more than 5,000 records */
  resamples?: number;
  /** @default 1 */
  seed?: number;
}

const BOOTSTRAPPED = ["ac1", "alpha", "pearson", "spearman", "kendall", "bias"] as const;
type Bootstrapped = (typeof BOOTSTRAPPED)[number];

/** Whole scores of the same records, in the same order. What lies outside of the scale is left out. */
export function compareJudges(
  first: readonly number[],
  second: readonly number[],
  options: ComparisonOptions = {},
): JudgeComparison {
  const { levels = 5, pass = Math.max(2, levels - 1), seed = 1 } = options;
  const scale = Array.from({ length: levels }, (_, at) => at + 1);
  const confusion = confusionMatrix(first, second, scale);
  const n = confusion.flat().reduce((sum, count) => sum + count, 0);
  const passing = passingOf(confusion, pass);
  if (n === 0) return { ...NOTHING, confusion, passing };
  const point = tableStatistics(confusion);
  const resamples = options.resamples ?? (n > 5_000 ? 500 : 2_000);
  const drawn = bootstrap(confusion, n, resamples, seed);
  const estimated = (name: Bootstrapped): Estimated | undefined =>
    point[name] === undefined ? undefined : { value: point[name], ...percentiles(drawn, name) };
  const share = (value: number): Estimated => ({ value, ...wilson(Math.min(n, value * n), n) });
  return {
    records: n,
    exact: share(point.exact),
    withinOne: share(point.withinOne),
    kappa: estimatedKappa(cohenKappa(confusion)),
    kappaLinear: estimatedKappa(cohenKappa(confusion, "linear")),
    kappaQuadratic: estimatedKappa(cohenKappa(confusion, "quadratic")),
    ac1: estimated("ac1"),
    alpha: estimated("alpha"),
    pearson: estimated("pearson"),
    spearman: estimated("spearman"),
    kendall: estimated("kendall"),
    bias: estimated("bias"),
    differenceDeviation: point.differenceDeviation,
    confusion,
    passing,
  };
}

const NOTHING = {
  records: 0,
  exact: undefined,
  withinOne: undefined,
  kappa: undefined,
  kappaLinear: undefined,
  kappaQuadratic: undefined,
  ac1: undefined,
  alpha: undefined,
  pearson: undefined,
  spearman: undefined,
  kendall: undefined,
  bias: undefined,
  differenceDeviation: undefined,
};

function estimatedKappa(kappa: Kappa | undefined): Estimated | undefined {
  return kappa && { value: kappa.kappa, low: kappa.low, high: kappa.high };
}

function passingOf(confusion: readonly (readonly number[])[], pass: number): Passing {
  const counted = (one: boolean, other: boolean): number =>
    confusion.reduce(
      (sum, row, i) =>
        sum +
        row.reduce(
          (inner, count, j) =>
            inner + (i + 1 >= pass === one && j + 1 >= pass === other ? count : 0),
          0,
        ),
      0,
    );
  const [firstOnly, secondOnly] = [counted(true, false), counted(false, true)];
  return {
    both: counted(true, true),
    firstOnly,
    secondOnly,
    neither: counted(false, false),
    mcnemarP: mcnemar(firstOnly, secondOnly).p,
  };
}

/** As many records drawn, with replacement, as there are: each draw is a cell, by its count. */
function bootstrap(
  confusion: readonly (readonly number[])[],
  n: number,
  resamples: number,
  seed: number,
): TableStatistics[] {
  const size = confusion.length;
  const random = seededRandom(seed);
  const cellOf = new Uint16Array(n);
  let at = 0;
  confusion.flat().forEach((count, cell) => {
    cellOf.fill(cell, at, at + count);
    at += count;
  });
  return Array.from({ length: resamples }, () => {
    const table = confusion.map(() => Array.from({ length: size }, () => 0));
    for (let i = 0; i < n; i++) {
      const cell = cellOf[Math.floor(random() * n)]!;
      table[Math.floor(cell / size)]![cell % size]!++;
    }
    return tableStatistics(table);
  });
}

/** Of the resamples in which it was defined. */
function percentiles(
  drawn: readonly TableStatistics[],
  name: Bootstrapped,
): { low: number; high: number } {
  const values = drawn.flatMap((one) => one[name] ?? []).toSorted((a, b) => a - b);
  const at = (share: number): number =>
    values[Math.min(values.length - 1, Math.floor(share * values.length))] ?? Number.NaN;
  return { low: at(0.025), high: at(0.975) };
}

export interface PeopleAgreement {
  comparison: JudgeComparison;
  /** Of what people passed, the share that the judge passed; of what they failed, the share that it failed. */
  sensitivity: Estimated | undefined;
  specificity: Estimated | undefined;
}

/** A judge's scores held against people's, which are the truth here. */
export function againstPeople(
  judge: readonly number[],
  people: readonly number[],
  options: ComparisonOptions = {},
): PeopleAgreement {
  const comparison = compareJudges(judge, people, options);
  const { both, firstOnly, secondOnly, neither } = comparison.passing;
  const share = (count: number, of: number): Estimated | undefined =>
    of === 0 ? undefined : { value: count / of, ...wilson(count, of) };
  return {
    comparison,
    sensitivity: share(both, both + secondOnly),
    specificity: share(neither, neither + firstOnly),
  };
}
