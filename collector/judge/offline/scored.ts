/** What a judgement comes to, in the terms that comparisons and printed results are made of. */
import type { Judge } from "../config.ts";
import type { Judgement } from "../judging.ts";
import { explanationOf, normOf } from "../score-row.ts";

/** Of a metric that is not judged by scores: its share is told on this scale. */
const LEVELS = 5;

export interface Scored {
  status: "ok" | "abstain" | "not_applicable" | "failed";
  /** Why there is no score. */
  why: string;
  /** Whole, from 1 to the metric's highest. */
  score?: number;
  /** 0 worst, 1 best. */
  norm?: number;
  reasoning: string;
  repaired: boolean;
  /** Undefined: not known. */
  costUsd: number | undefined;
  latencyMs: number;
}

export function levelsOf(judge: Pick<Judge, "metric">): number {
  return judge.metric.scores.length || LEVELS;
}

export function scoredOf(judge: Judge, judgement: Judgement): Scored {
  const { outcome, repaired, latencyMs, picoUsd } = judgement;
  const shared = {
    reasoning: explanationOf(outcome),
    repaired,
    latencyMs,
    costUsd: picoUsd === undefined ? undefined : Number(picoUsd) / 1e12,
  };
  if (outcome.status === "failed")
    return { ...shared, status: "failed", why: `${outcome.failure}: ${outcome.detail}` };
  if (outcome.status === "not_applicable")
    return { ...shared, status: "not_applicable", why: outcome.reason };
  const levels = levelsOf(judge);
  const norm = normOf(judgement);
  if (outcome.status === "abstain" || norm === undefined)
    return { ...shared, status: "abstain", why: "it cannot be judged" };
  const score = judge.form === "scores" ? outcome.score : 1 + Math.round(norm * (levels - 1));
  return { ...shared, status: "ok", why: "", score, norm };
}
