/**
 * Self-consistency: several judgements of one record by one judge → one. The score is the one given most often (of equals
 * the lower one), `norm` the mean of all that were given; how far they lie apart is kept beside it. Where half of the
 * samples or more gave no score, there is none.
 */
import type { Judgement, Scored } from "./judging.ts";

export function combined(samples: readonly Judgement[]): Judgement {
  const [first] = samples;
  if (!first) throw new RangeError("expected at least one sample");
  if (samples.length === 1) return first;
  const all = spentBy(samples);
  const scored = samples.flatMap(({ outcome }) => (outcome.status === "ok" ? [outcome] : []));
  if (scored.length * 2 > samples.length)
    return { ...all, outcome: together(scored, samples.length) };
  const without = samples.filter(({ outcome }) => outcome.status !== "ok");
  return { ...all, outcome: mostOften(without, ({ outcome }) => JSON.stringify(outcome)).outcome };
}

function spentBy(samples: readonly Judgement[]): Judgement {
  const sum = (value: (one: Judgement) => number): number =>
    samples.reduce((total, one) => total + value(one), 0);
  return {
    ...samples[0]!,
    repaired: samples.some(({ repaired }) => repaired),
    attempts: sum(({ attempts }) => attempts),
    inputTokens: sum(({ inputTokens }) => inputTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    picoUsd: samples.reduce<bigint | undefined>(
      (total, { picoUsd }) =>
        total === undefined || picoUsd === undefined ? undefined : total + picoUsd,
      0n,
    ),
    latencyMs: Math.max(...samples.map(({ latencyMs }) => latencyMs)),
  };
}

function together(scored: readonly Scored[], asked: number): Scored {
  const n = scored.length;
  const mean = (value: (one: Scored) => number): number =>
    scored.reduce((sum, one) => sum + value(one), 0) / n;
  const chosen = mostOften(
    scored.toSorted((a, b) => a.score - b.score),
    ({ score }) => score,
  );
  const norm = mean((one) => one.norm);
  const variance = scored.reduce((sum, one) => sum + (one.norm - norm) ** 2, 0) / (n - 1);
  const counts = [...Map.groupBy(scored, ({ score }) => score).values()].map((all) => all.length);
  return {
    ...chosen,
    norm,
    expected: {
      expected: mean((one) => one.expected?.expected ?? one.score),
      mass: n / asked,
      entropy: entropyOf(counts, n),
    },
    measures: { ...chosen.measures, samples: n, norm_sd: n > 1 ? Math.sqrt(variance) : 0 },
  };
}

/** In nats, with the correction for few samples of Miller and Madow. */
function entropyOf(counts: readonly number[], n: number): number {
  const plugIn = counts.reduce((sum, count) => sum - (count / n) * Math.log(count / n), 0);
  return plugIn + (counts.length - 1) / (2 * n);
}

/** The first of the largest group. */
function mostOften<T>(values: readonly T[], key: (value: T) => unknown): T {
  const groups = [...Map.groupBy(values, key).values()];
  return groups.reduce((best, group) => (group.length > best.length ? group : best))[0]!;
}
