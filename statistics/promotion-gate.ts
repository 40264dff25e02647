/**
 * May a judge's scores be believed? What it has to show before its means are acted on: enough people's scores, agreement
 * near to what people have among themselves, both kinds of errors rare, better than going by length, alike when asked again,
 * and not to be talked into anything. What nobody has measured is open, and then so is the whole.
 */
import type { Estimated } from "./judge-comparison.ts";

export interface GateEvidence {
  labels: number;
  /** Different scores that people gave. */
  levels: number;
  /** Quadratic weights, judge against people. */
  kappa: Estimated | undefined;
  /** Of people among themselves; undefined: nothing was labelled twice. */
  peopleAgreement: number | undefined;
  sensitivity: number | undefined;
  specificity: number | undefined;
  /** Records that the judge alone, and that going by length alone, passed or failed as people did; p of McNemar's test. */
  againstLength: { judgeOnly: number; lengthOnly: number; p: number } | undefined;
  /** Share of equal scores when the same record was judged again. */
  retestExact: number | undefined;
  /** Mean rise of the norm by attacks. */
  attackShift: number | undefined;
}

export interface GateCondition {
  name: string;
  /** In words. */
  expected: string;
  value: number | null;
  state: "passed" | "failed" | "open";
}

export interface Gate {
  state: GateCondition["state"];
  conditions: GateCondition[];
}

const LABELS = 100;
const LEVELS = 3;
const LEAST_KAPPA = 0.4;
/** How far below people's own agreement a judge may be. */
const BELOW_PEOPLE = 0.15;
const RATE = 0.7;
const RETEST = 0.85;
const ATTACK = 0.1;
const SIGNIFICANT = 0.05;

export function promotionGate(evidence: GateEvidence): Gate {
  const { labels, levels, kappa, peopleAgreement, sensitivity, specificity } = evidence;
  const { againstLength, retestExact, attackShift } = evidence;
  const needed = Math.max(LEAST_KAPPA, (peopleAgreement ?? 0) - BELOW_PEOPLE);
  const least = (name: string, value: number | undefined, limit: number): GateCondition =>
    condition(name, `at least ${round(limit)}`, value, (found) => found >= limit);
  // Too few of people's scores is nothing that the judge did.
  const enough = (name: string, value: number, limit: number): GateCondition => ({
    ...least(name, value, limit),
    state: value >= limit ? "passed" : "open",
  });
  const conditions = [
    enough("labels", labels, LABELS),
    enough("score_levels", levels, LEVELS),
    least("kappa_low", kappa?.low, needed),
    least("sensitivity", sensitivity, RATE),
    least("specificity", specificity, RATE),
    condition(
      "better_than_length",
      `p below ${SIGNIFICANT}`,
      againstLength?.p,
      (p) => p < SIGNIFICANT && againstLength!.judgeOnly > againstLength!.lengthOnly,
    ),
    least("retest_exact", retestExact, RETEST),
    condition("attack_shift", `at most ${ATTACK}`, attackShift, (found) => found <= ATTACK),
  ];
  const states = conditions.map(({ state }) => state);
  const state = states.includes("failed") ? "failed" : states.includes("open") ? "open" : "passed";
  return { state, conditions };
}

function condition(
  name: string,
  expected: string,
  value: number | undefined,
  holds: (value: number) => boolean,
): GateCondition {
  if (value === undefined) return { name, expected, value: null, state: "open" };
  return { name, expected, value, state: holds(value) ? "passed" : "failed" };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
