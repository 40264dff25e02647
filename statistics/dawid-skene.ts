/**
 * What several raters' answers say of the truth when nobody knows it, by expectation and maximisation (Dawid and Skene
 * 1979). A diagnostic, never a score: raters that share a bias make it the truth. On 419 pairs with five recorded judges
 * it is right in 49 %, the best judge alone in 83 %.
 */
import { requireLength } from "./domain.ts";

export interface DawidSkene {
  /** By item, by class. */
  posteriors: number[][];
  marginals: number[];
  /** By rater: `errors[rater][truth][answer]`. */
  errors: number[][][];
  logLikelihood: number;
  iterations: number;
}

/**
 * @param answers `answers[item][rater]`: the classes (from 0) that the rater gave the item; none: it did not see it
 */
export function dawidSkene(
  answers: readonly (readonly (readonly number[])[])[],
  classes: number,
  { tolerance = 1e-10, mostIterations = 5_000 } = {},
): DawidSkene {
  requireLength("answers", answers, 1);
  const raters = Math.max(...answers.map((item) => item.length));
  let posteriors = answers.map((item) => startOf(item, classes));
  let before = -Infinity;
  for (let iterations = 1; ; iterations++) {
    const marginals = range(classes).map(
      (k) => total(posteriors.map((row) => row[k]!)) / answers.length,
    );
    const errors = range(raters).map((rater) =>
      errorsOf(
        answers.map((item) => item[rater] ?? []),
        posteriors,
        classes,
      ),
    );
    const joint = answers.map((item) =>
      range(classes).map((k) => logJoint(item, errors, marginals[k]!, k)),
    );
    const logLikelihood = total(joint.map(logSum));
    posteriors = joint.map((logs) => {
      const all = logSum(logs);
      return logs.map((log) => Math.exp(log - all));
    });
    if (Math.abs(logLikelihood - before) < tolerance || iterations === mostIterations)
      return { posteriors, marginals, errors, logLikelihood, iterations };
    before = logLikelihood;
  }
}

/** The share of the answers: how the paper starts. */
function startOf(item: readonly (readonly number[])[], classes: number): number[] {
  const given = item.flat();
  return range(classes).map((k) =>
    given.length === 0 ? 1 / classes : given.filter((answer) => answer === k).length / given.length,
  );
}

function errorsOf(
  answers: readonly (readonly number[])[],
  posteriors: readonly (readonly number[])[],
  classes: number,
): number[][] {
  const counts = range(classes).map(() => range(classes).map(() => 0));
  answers.forEach((given, item) => {
    for (const answer of given)
      for (const truth of range(classes)) counts[truth]![answer]! += posteriors[item]![truth]!;
  });
  return counts.map((row) => {
    const all = total(row);
    return row.map((count) => (all === 0 ? 1 / classes : count / all));
  });
}

function logJoint(
  item: readonly (readonly number[])[],
  errors: readonly (readonly (readonly number[])[])[],
  marginal: number,
  truth: number,
): number {
  let log = Math.log(marginal);
  item.forEach((given, rater) => {
    for (const answer of given) log += Math.log(errors[rater]![truth]![answer]!);
  });
  return log;
}

function logSum(logs: readonly number[]): number {
  const most = Math.max(...logs);
  return most === -Infinity
    ? most
    : most + Math.log(total(logs.map((log) => Math.exp(log - most))));
}

function range(length: number): number[] {
  return Array.from({ length }, (_, at) => at);
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
