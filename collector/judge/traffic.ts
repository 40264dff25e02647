/** What becomes of the records of a window: who is chosen, the counts that the chosen stand for, and each decision. */
import { lowered } from "./budget.ts";
import type { Profile } from "./config.ts";
import type { Candidate, TraceRecord } from "./record.ts";
import type { DecisionRow, Reason, TrafficRow } from "./rows.ts";
import { positionOf, profileFor, stratumOf } from "./sampling.ts";

const HOUR_S = 3_600;

export interface ChosenRecord<Found extends Candidate = TraceRecord> {
  profile: Profile;
  record: Found;
  stratum: string;
  judgeProbability: number;
}

export interface Choice<Found extends Candidate = TraceRecord> {
  chosen: readonly ChosenRecord<Found>[];
  traffic: readonly TrafficRow[];
  decisions: readonly DecisionRow[];
  records: ReadonlyMap<Reason, number>;
}

/** @param factor what the budget multiplies probabilities by */
export function choose<Found extends Candidate>(
  records: readonly Found[],
  profiles: readonly Profile[],
  { factor, nowUnixMs }: { factor: number; nowUnixMs: number },
): Choice<Found> {
  const chosen: ChosenRecord<Found>[] = [];
  const traffic = new Map<string, TrafficRow>();
  const decisions: DecisionRow[] = [];
  const counts = new Map<Reason, number>();
  for (const record of records) {
    const profile = profileFor(record.facts.project, profiles);
    const stratum = profile && stratumOf(record.facts, profile);
    const probability =
      profile && stratum ? lowered(stratum.probability, factor, profile.minimum) : 0;
    const reason = reasonOf(record, profile, probability);
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
    decisions.push(decisionOf(record, stratum, probability, reason, nowUnixMs));
    if (!profile || !stratum || record.isOwn) continue;
    count(traffic, record, stratum.name, reason);
    if (reason === "chosen")
      chosen.push({ profile, record, stratum: stratum.name, judgeProbability: probability });
  }
  return { chosen, traffic: [...traffic.values()], decisions, records: counts };
}

function reasonOf(
  { isOwn, answered }: Candidate,
  profile: Profile | undefined,
  probability: number,
): Reason {
  if (isOwn) return "own";
  if (!profile) return "no_profile";
  if (!answered.hasContent) return "no_content";
  return positionOf(answered.traceId) < probability ? "chosen" : "not_chosen";
}

function decisionOf(
  { answered }: Candidate,
  stratum: { name: string; probability: number } | undefined,
  probability: number,
  reason: Reason,
  nowUnixMs: number,
): DecisionRow {
  return {
    trace_id: answered.traceId,
    span_id: answered.spanId,
    project: answered.project,
    event_time: Math.floor(answered.eventTimeUnixMs / 1_000),
    decided_at: Math.floor(nowUnixMs / 1_000),
    rule: stratum?.name ?? "",
    reason,
    configured: stratum?.probability ?? 0,
    probability,
  };
}

function count(
  rows: Map<string, TrafficRow>,
  { facts, answered, traceProbability }: Candidate,
  stratum: string,
  reason: Reason,
): void {
  const { project, environment, release, model } = facts;
  const hour = Math.floor(answered.eventTimeUnixMs / 1_000 / HOUR_S) * HOUR_S;
  const key = JSON.stringify([project, hour, environment, release, model, stratum, reason]);
  const row = rows.get(key) ?? {
    project, hour, environment, release, model, stratum, rule: stratum, reason, records: 0, weight: 0,
  }; // prettier-ignore
  row.records++;
  row.weight += 1 / traceProbability;
  rows.set(key, row);
}
