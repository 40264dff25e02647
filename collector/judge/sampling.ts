/**
 * Which records are judged: decided by a hash of the trace's id, before anything of it is judged. So the decision is the
 * same for everybody and at any time, all metrics of a trace are judged together, and a higher probability keeps all that
 * a lower one had. The probability is written to every score: means are weighed by it.
 */
import { createHash } from "node:crypto";
import type { Condition, Profile } from "./config.ts";

/** What is known of a record before it is judged; strata are made of this alone. */
export interface RecordFacts {
  project: string;
  environment: string;
  release: string;
  model: string;
  status: string;
  inputTokens: number;
  durationMs: number;
  hasDocuments: boolean;
}

export type Purpose = "judge-sampling" | "judge-audit" | "judge-retest" | "human-sampling";

/** A number from 0 to 1 (excluded) that belongs to the record; another purpose has another, independent one. */
export function positionOf(id: string, purpose: Purpose = "judge-sampling"): number {
  const digest = createHash("sha256").update(`${purpose}:v1\0${id}`).digest();
  return Number(digest.readBigUInt64BE(0) >> 11n) / 2 ** 53;
}

export interface Stratum {
  name: string;
  probability: number;
}

const REST = "rest";

/** The first whose conditions hold, else the rest. */
export function stratumOf(facts: RecordFacts, { strata, rest }: Profile): Stratum {
  const found = strata.find(({ when }) => holds(when, facts));
  return found
    ? { name: found.name, probability: found.probability }
    : { name: REST, probability: rest };
}

function holds(when: Condition, facts: RecordFacts): boolean {
  const isOneOf = (values: readonly string[] | undefined, value: string): boolean =>
    values === undefined || values.includes(value);
  return (
    (when.status === undefined || when.status === facts.status) &&
    isOneOf(when.models, facts.model) &&
    isOneOf(when.environments, facts.environment) &&
    isOneOf(when.releases, facts.release) &&
    (when.min_input_tokens === undefined || facts.inputTokens >= when.min_input_tokens) &&
    (when.min_duration_ms === undefined || facts.durationMs >= when.min_duration_ms) &&
    (when.has_documents === undefined || facts.hasDocuments === when.has_documents)
  );
}

/** The first profile that names the project, else the first that names none. */
export function profileFor(project: string, profiles: readonly Profile[]): Profile | undefined {
  return (
    profiles.find(({ projects }) => projects?.includes(project)) ??
    profiles.find(({ projects }) => projects === undefined)
  );
}
