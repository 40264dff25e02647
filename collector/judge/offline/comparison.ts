/**
 * Judges that scored the same records, side by side: each by itself (what it costs, how long it takes, how often it fails,
 * whether it goes by length), each against people where they scored too, and every two of them against each other.
 */
import { spearman } from "@assay/statistics/correlation";
import { ENOUGH_LABELS, tryEnsemble, type EnsembleTrial } from "@assay/statistics/ensemble";
import {
  againstPeople,
  compareJudges,
  type JudgeComparison,
  type PeopleAgreement,
} from "@assay/statistics/judge-comparison";
import { predictionPowered, type PredictionPowered } from "@assay/statistics/ppi";
import { brierScore, calibrationError } from "@assay/statistics/reliability";
import { twoPhaseVerdict } from "@assay/statistics/two-phase";
import type { OfflineRecord } from "./records-file.ts";
import type { Scored } from "./scored.ts";

/** One judge's scores, in the order of the records; undefined: it was not asked. */
export interface ScoreColumn {
  name: string;
  /** Of a real judge. */
  model: string;
  judgeHash: string;
  strategy: string;
  scored: readonly (Scored | undefined)[];
}

export interface JudgeSummary {
  name: string;
  model: string;
  judgeHash: string;
  strategy: string;
  ok: number;
  abstained: number;
  notApplicable: number;
  failed: number;
  /** Of those that were asked. */
  failureRate: number;
  failures: Record<string, number>;
  repaired: number;
  meanScore: number | null;
  usdPerThousand: number | null;
  p50Ms: number | null;
  p95Ms: number | null;
  /** Spearman's, of score and length of the answer. */
  lengthCorrelation: number | null;
  people: (PeopleAgreement & { brier: number; calibrationError: number }) | null;
  /** On the scale, what people would give all records; null: too few have their scores, or all have. */
  peopleMean: PredictionPowered | null;
}

export interface ComparisonReport {
  metric: string;
  levels: number;
  records: number;
  /** That people scored. */
  labelled: number;
  judges: JudgeSummary[];
  pairs: { first: string; second: string; comparison: JudgeComparison; verdict: string }[];
  /** Of all real judges weighed by people's scores; null: fewer than two judges, or too few scores. */
  ensemble: (EnsembleTrial & { judges: string[]; best: string; bestAccuracy: number }) | null;
}

export interface ComparisonInput {
  metric: string;
  levels: number;
  records: readonly OfflineRecord[];
  columns: readonly ScoreColumn[];
}

export function comparisonReport(input: ComparisonInput): ComparisonReport {
  const { metric, levels, records, columns } = input;
  const people = records.map(({ peopleScores }) => peopleScores[metric]);
  const judges = columns.map((column) => summaryOf(column, input, people));
  const pairs = columns.flatMap((first, i) =>
    columns.slice(i + 1).map((second) => {
      const [a, b] = scoresOfBoth(scoresOf(first), scoresOf(second));
      const comparison = compareJudges(a, b, { levels });
      const costs = [costOf(first), costOf(second)] as const;
      const verdict = twoPhaseVerdict(comparison.pearson?.value, costs);
      return { first: first.name, second: second.name, comparison, verdict };
    }),
  );
  return {
    metric,
    levels,
    records: records.length,
    labelled: people.filter((score) => score !== undefined).length,
    judges,
    pairs,
    ensemble: ensembleOf(columns, people, levels),
  };
}

function summaryOf(
  column: ScoreColumn,
  { levels, records }: ComparisonInput,
  people: readonly (number | undefined)[],
): JudgeSummary {
  const asked = column.scored.filter((one) => one !== undefined);
  const having = (status: Scored["status"]): Scored[] =>
    asked.filter((one) => one.status === status);
  const [ok, failed] = [having("ok"), having("failed")];
  const failures: Record<string, number> = {};
  for (const { why } of failed) {
    const kind = why.split(":")[0]!;
    failures[kind] = (failures[kind] ?? 0) + 1;
  }
  const latencies = ok.map(({ latencyMs }) => latencyMs).toSorted((a, b) => a - b);
  const lengths = records.map(({ judged }) => judged.answer?.length);
  const [scores, answered] = scoresOfBoth(scoresOf(column), lengths);
  const notApplicable = having("not_applicable").length;
  const judged = asked.length - notApplicable;
  const mean = ok.reduce((sum, { score }) => sum + score!, 0) / ok.length;
  return {
    name: column.name,
    model: column.model,
    judgeHash: column.judgeHash,
    strategy: column.strategy,
    ok: ok.length,
    abstained: having("abstain").length,
    notApplicable,
    failed: failed.length,
    failureRate: judged === 0 ? 0 : failed.length / judged,
    failures,
    repaired: asked.filter(({ repaired }) => repaired).length,
    meanScore: ok.length === 0 ? null : mean,
    usdPerThousand: costOf(column),
    p50Ms: quantile(latencies, 0.5),
    p95Ms: quantile(latencies, 0.95),
    lengthCorrelation: spearman(scores, answered) ?? null,
    people: againstPeopleOf(column, people, levels),
    peopleMean: peopleMeanOf(column, people),
  };
}

/** Below it a few scores of people's tell nothing of the rest. */
const LEAST_LABELS = 20;

function peopleMeanOf(
  column: ScoreColumn,
  people: readonly (number | undefined)[],
): PredictionPowered | null {
  if (column.judgeHash === "") return null;
  const scores = scoresOf(column);
  const [judged, labels] = scoresOfBoth(scores, people);
  const unlabelled = scores.flatMap((score, at) =>
    score === undefined || people[at] !== undefined ? [] : [score],
  );
  if (labels.length < LEAST_LABELS || unlabelled.length < LEAST_LABELS) return null;
  return predictionPowered({ labels, judged, unlabelled });
}

function againstPeopleOf(
  column: ScoreColumn,
  people: readonly (number | undefined)[],
  levels: number,
): JudgeSummary["people"] {
  const [judge, labels] = scoresOfBoth(scoresOf(column), people);
  if (judge.length === 0) return null;
  const [norms, again] = scoresOfBoth(
    column.scored.map((one) => one?.norm),
    people,
  );
  const passes = again.map((score) => score >= passOf(levels));
  return {
    ...againstPeople(judge, labels, { levels }),
    brier: brierScore(norms, passes),
    calibrationError: calibrationError(norms, passes),
  };
}

function ensembleOf(
  columns: readonly ScoreColumn[],
  people: readonly (number | undefined)[],
  levels: number,
): ComparisonReport["ensemble"] {
  const real = columns.filter(({ judgeHash }) => judgeHash !== "");
  const rows = people.flatMap((label, at) => {
    const scores = real.map((column) => scoresOf(column)[at]);
    const given = scores.filter((score) => score !== undefined);
    return label === undefined || given.length < real.length ? [] : [{ label, scores: given }];
  });
  if (real.length < 2 || rows.length < ENOUGH_LABELS) return null;
  const passes = (score: number): boolean => score >= passOf(levels);
  const labels = rows.map(({ label }) => passes(label));
  const trial = tryEnsemble(
    rows.map(({ scores }) => scores.map(String)),
    labels,
    rows.map(({ scores }) => scores.map(passes)),
  );
  const accuracies = real.map(
    (_, judge) =>
      rows.filter(({ scores }, at) => passes(scores[judge]!) === labels[at]).length / rows.length,
  );
  const bestAccuracy = Math.max(...accuracies);
  const best = real[accuracies.indexOf(bestAccuracy)]!.name;
  return { ...trial, judges: real.map(({ name }) => name), best, bestAccuracy };
}

/** The least score that passes: the last but one. */
function passOf(levels: number): number {
  return Math.max(2, levels - 1);
}

function scoresOf({ scored }: ScoreColumn): (number | undefined)[] {
  return scored.map((one) => one?.score);
}

/** Where both have one. */
function scoresOfBoth(
  first: readonly (number | undefined)[],
  second: readonly (number | undefined)[],
): [number[], number[]] {
  const both = first.flatMap((one, at) => {
    const other = second[at];
    return one === undefined || other === undefined ? [] : [[one, other] as const];
  });
  return [both.map(([one]) => one), both.map(([, other]) => other)];
}

/** Of a thousand judgements; null: not known of all. A dummy costs nothing. */
function costOf({ scored, judgeHash }: ScoreColumn): number | null {
  if (judgeHash === "") return 0;
  const asked = scored.filter((one) => one !== undefined && one.status !== "not_applicable");
  const costs = asked.map((one) => one!.costUsd);
  if (costs.length === 0 || costs.includes(undefined)) return null;
  return (costs.reduce<number>((sum, cost) => sum + cost!, 0) / costs.length) * 1_000;
}

function quantile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
}
