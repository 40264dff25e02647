/**
 * Which records are judged: decided by a hash of the trace's id, before anything of it is judged. So the decision is the
 * same for everybody and at any time (decide.ts draws by it in SQL), all metrics of a trace are judged together, and a higher probability keeps all that
 * a lower one had. The probability is written to every score: means are weighed by it.
 */
import { createHash } from "node:crypto";
import type { Profile } from "./config.ts";

type Purpose = "judge-sampling" | "judge-audit" | "judge-shadow" | "judge-retest";

/** A number from 0 to 1 (excluded) that belongs to the record; another purpose has another, independent one. */
export function positionOf(id: string, purpose: Purpose = "judge-sampling"): number {
  const digest = createHash("sha256").update(`${purpose}:v1\0${id}`).digest();
  return Number(digest.readBigUInt64BE(0) >> 11n) / 2 ** 53;
}

/** The stratum of all that no other has. */
export const REST = "rest";

/** The first profile that names the project, else the first that names none. */
export function profileFor(project: string, profiles: readonly Profile[]): Profile | undefined {
  return (
    profiles.find(({ projects }) => projects?.includes(project)) ??
    profiles.find(({ projects }) => projects === undefined)
  );
}
