/** A comparison of judges as a person reads it in a terminal. */
import type { Estimated } from "@assay/statistics/judge-comparison";
import type { ComparisonReport, JudgeSummary } from "./comparison.ts";
import { textTable } from "./text-table.ts";

const TOO_FEW = 30;

export function comparisonText(report: ComparisonReport): string[] {
  const { metric, levels, records, labelled, judges, pairs, ensemble } = report;
  const lines = [
    `${metric}, scores from 1 to ${levels}: ${records} records, ${labelled} of them scored by people.`,
    "",
    ...judgesTable(judges),
  ];
  for (const { name, failures } of judges)
    for (const [why, count] of Object.entries(failures))
      lines.push(`${name} failed ${count} times: ${why}`);
  if (labelled > 0) lines.push("", "Against people:", ...peopleTable(judges));
  for (const { name, peopleMean } of judges) if (peopleMean) lines.push(meanLine(name, peopleMean));
  lines.push("", "Against each other:", ...pairsTable(report));
  for (const { first, second, verdict } of pairs)
    if (isReal(judges, first) && isReal(judges, second))
      lines.push(`${first} and ${second}: ${verdict}`);
  if (ensemble) {
    const { accuracy, best, bestAccuracy, majority, consensus, labels } = ensemble;
    lines.push(
      "",
      `All judges weighed by ${labels} of people's scores get ${percent(accuracy)} of pass or fail right; the best alone, ${best}, ${percent(bestAccuracy)}; their majority ${percent(majority)}, and what they agree on without people's scores (Dawid and Skene) ${percent(consensus)}.`,
      ...(Math.min(majority, consensus) < bestAccuracy
        ? [
            "Judges that share an error outvote the truth: go by the best of them, or by the weights.",
          ]
        : []),
    );
  }
  if (records < TOO_FEW) lines.push("", `Fewer than ${TOO_FEW} records say little.`);
  return lines;
}

function meanLine(
  name: string,
  { mean, low, high, lambda, effectiveLabels }: NonNullable<JudgeSummary["peopleMean"]>,
): string {
  return `Of all records people would give ${fixed(mean, 2)} (${fixed(low, 2)} to ${fixed(high, 2)}), going by ${name} with the weight ${fixed(lambda, 2)}: as ${fixed(effectiveLabels, 0)} of their scores alone would tell.`;
}

function isReal(judges: readonly JudgeSummary[], name: string): boolean {
  return judges.some((judge) => judge.name === name && judge.judgeHash !== "");
}

function judgesTable(judges: readonly JudgeSummary[]): string[] {
  return textTable(
    ["judge", "model", "scored", "failed", "mean", "$/1000", "p50 ms", "p95 ms", "with length"],
    judges.map((judge) => [
      judge.name,
      judge.model,
      String(judge.ok),
      percent(judge.failureRate),
      fixed(judge.meanScore, 2),
      judge.usdPerThousand === null ? "not known" : judge.usdPerThousand.toFixed(4),
      fixed(judge.p50Ms, 0),
      fixed(judge.p95Ms, 0),
      fixed(judge.lengthCorrelation, 2),
    ]),
  );
}

function peopleTable(judges: readonly JudgeSummary[]): string[] {
  return textTable(
    ["judge", "records", "exact", "within one", "weighted kappa", "bias", "passes found", "fails found", "Brier", "calibration error"],
    judges.flatMap(({ name, people }) => {
      if (!people) return [];
      const { comparison, sensitivity, specificity } = people;
      return [
        [
          name,
          String(comparison.records),
          interval(comparison.exact),
          interval(comparison.withinOne),
          interval(comparison.kappaQuadratic),
          interval(comparison.bias),
          interval(sensitivity),
          interval(specificity),
          fixed(people.brier, 3),
          fixed(people.calibrationError, 3),
        ],
      ];
    }),
  ); // prettier-ignore
}

function pairsTable({ pairs }: ComparisonReport): string[] {
  return textTable(
    ["first", "second", "records", "exact", "within one", "kappa", "weighted kappa", "alpha", "AC1", "Spearman", "bias"],
    pairs.map(({ first, second, comparison: c }) => [
      first,
      second,
      String(c.records),
      interval(c.exact),
      interval(c.withinOne),
      interval(c.kappa),
      interval(c.kappaQuadratic),
      interval(c.alpha),
      interval(c.ac1),
      interval(c.spearman),
      interval(c.bias),
    ]),
  ); // prettier-ignore
}

/** Value and 95 % interval. */
function interval(estimated: Estimated | undefined): string {
  if (!estimated) return "–";
  const { value, low, high } = estimated;
  return `${fixed(value, 2)} (${fixed(low, 2)} to ${fixed(high, 2)})`;
}

/** A little less than nothing is 0. */
function fixed(value: number | null, digits: number): string {
  return value === null ? "–" : value.toFixed(digits).replace(/^-(0\.?0*)$/, "$1");
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
