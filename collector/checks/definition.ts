/**
 * A check as declared: a measure, a scope, what it is compared with, and when it is bad (docs/checks.md).
 *
 * The shipped ones are in defaults.yaml; the file that ASSAY_CHECKS names changes them by name, adds others, or turns
 * them off.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Budget } from "../budgets.ts";
import { configFileError, parseConfigFile } from "../config-file.ts";
import { budgetChecks } from "./budget-checks.ts";
import { duration } from "./duration.ts";
import { measures, sources, type Measure, type MeasureName } from "./measure.ts";

const positive = z.number().gt(0);
const count = z.number().int().min(1).max(1_000_000);
const share = z.number().gt(0).lt(1);
const text = z.string().min(1).max(256);

const burnRate = z.strictObject({
  kind: z.literal("burn-rate"),
  /** Share that must be good, over any 30 days. */
  objective: share,
  windows: z
    .array(z.strictObject({ burn: positive, long: duration, short: duration }))
    .min(1)
    .max(4),
  /** Records that the short window must hold; at least as many as one bad one of which would not burn as fast. */
  min_n: count.default(1),
  /** Only what the lower end of the interval shows counts: for shares that come from a sample. */
  confident: z.boolean().default(false),
});

const threshold = z.strictObject({
  kind: z.literal("threshold"),
  window: duration,
  /** One of the two. */
  above: z.number().min(0).optional(),
  below: z.number().min(0).optional(),
  min_n: count.default(1),
  /** Only what the nearer end of the interval shows counts. */
  confident: z.boolean().default(false),
});

const seasonal = z.strictObject({
  kind: z.literal("seasonal"),
  window: duration,
  /** Spreads above the median of the same hours of earlier weeks. */
  deviations: positive.default(5),
  /** And times the median. */
  ratio: z.number().gt(1),
  /** And more above the median than this, in the measure's unit. */
  floor: z.number().min(0).default(0),
  min_n: count.default(50),
  weeks: z.number().int().min(1).max(8).default(4),
});

const silence = z.strictObject({
  kind: z.literal("silence"),
  window: duration,
  /** Of what is usual at this hour of the week. */
  below: share.default(0.1),
  /** Usual number below which silence says nothing. */
  floor: count.default(20),
  weeks: z.number().int().min(1).max(8).default(4),
});

const eDetector = z.strictObject({
  kind: z.literal("e-detector"),
  /** A loss, on the scale from 0 to 1, that does not matter. */
  margin: z.number().min(0).max(0.5).default(0.015),
  baseline: duration.default(28 * 86_400),
  /** Scores that a baseline needs. */
  min_n: count.default(200),
  /** Mean days between false alarms, at least. */
  days_between: z.number().min(1).max(10_000).default(1_200),
  /**
   * What is shown of it is the mean of this time; and at the latest after it an alarm ends when that mean is above the
   * floor again. As a rule it ends sooner: as soon as newer scores tell that they are back.
   */
  recover: duration.default(3 * 86_400),
  /** Scores of before this day (UTC) are no baseline: a new level that is meant. */
  since: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/, 'expected a day like "2026-11-30"')
    .transform((day) => Date.parse(`${day}T00:00:00Z`) / 1_000)
    .optional(),
});

const release = z.strictObject({
  kind: z.literal("release"),
  window: duration,
  margin: z.number().min(0).max(0.5).default(0.02),
  min_n: count.default(50),
});

const budget = z.strictObject({
  kind: z.literal("budget"),
  /** Unset: the check is not evaluated. */
  monthly_usd: positive.optional(),
  /** `forecast`: the month so far and at its pace; `burn`: this hour's pace. */
  of: z.enum(["forecast", "burn"]),
  /** Times the budget's pace. */
  above: positive,
  window: duration.default(3_600),
});

const drift = z.strictObject({
  kind: z.literal("drift"),
  window: duration,
  margin: z.number().min(0).max(0.5).default(0.02),
  min_n: count.default(30),
});

const test = z.discriminatedUnion("kind", [
  burnRate,
  threshold,
  seasonal,
  silence,
  eDetector,
  release,
  budget,
  drift,
]);

const checkName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,47}$/, "expected lower-case letters, digits and -");

const check = z.strictObject({
  about: text,
  severity: z.enum(["page", "ticket", "info"]),
  measure: z.enum(Object.keys(measures) as [MeasureName, ...MeasureName[]]),
  /** Labels that tell series apart, besides the project. */
  by: z.array(text).max(4).default([]),
  /** One series for all projects together, instead of one for each. */
  across_projects: z.boolean().default(false),
  /** Labels and the values that are looked at. */
  where: z.record(text, z.array(z.string().max(256)).min(1)).default({}),
  every: duration,
  /** How long after a window's end it is looked at: spans and scores come late. */
  settle: duration.default(120),
  /** Ticks in a row that must be bad before it fires, and good before it is over. */
  ticks: z.number().int().min(1).max(100).default(1),
  clear: z.number().int().min(1).max(1_000).default(3),
  /** While one of these fires for the project, this one is held. */
  muted_by: z.array(checkName).default([]),
  /** Of those series that fire, at most this share by chance (Benjamini-Hochberg). */
  fdr: share.optional(),
  test,
});

type CheckSection = z.output<typeof check>;
export type TestKind = CheckSection["test"]["kind"];
export type TestOf<Kind extends TestKind> = Extract<CheckSection["test"], { kind: Kind }>;

export interface Check<Kind extends TestKind = TestKind> extends Omit<
  CheckSection,
  "test" | "measure"
> {
  name: string;
  measureName: MeasureName;
  measure: Measure;
  test: TestOf<Kind>;
}

/** A check of the user's file: whole, or what differs from the shipped one of that name, or `off`. */
export const checksSection = z.record(
  checkName,
  z.union([z.literal("off"), z.record(z.string(), z.unknown())]),
);

type Sections = z.output<typeof checksSection>;

const DEFAULTS = join(import.meta.dirname, "defaults.yaml");

/** @throws ConfigFileError naming every problem by its place in the file `name` */
export function readChecks(
  own: Sections = {},
  name = "checks",
  budgets: readonly Budget[] = [],
): Check[] {
  const shipped = parseConfigFile(
    readFileSync(DEFAULTS, "utf8"),
    "defaults.yaml",
    z.strictObject({ checks: checksSection }),
  ).checks;
  const problems: string[] = [];
  const found = Object.entries(merged(shipped, own)).flatMap(([checkName, section]) => {
    const parsed = check.safeParse(section);
    if (parsed.success) return [asCheck(checkName, parsed.data)];
    for (const { path, message } of parsed.error.issues)
      problems.push(`checks.${[checkName, ...path].join(".")}: ${message}`);
    return [];
  });
  const names = new Set([...Object.keys(shipped), ...Object.keys(own)]);
  for (const one of found)
    problems.push(...labelProblems(one), ...mutedByProblems(one, names), ...limitProblems(one));
  if (problems.length > 0) throw configFileError(name, problems);
  return [...found.filter(isComplete), ...budgetChecks(budgets, found)];
}

function isComplete({ test }: Check): boolean {
  return !(test.kind === "budget" && test.monthly_usd === undefined);
}

function merged(shipped: Sections, own: Sections): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(shipped), ...Object.keys(own)])) {
    const [base, change] = [shipped[name], own[name]];
    if (change === "off" || (base === "off" && change === undefined)) continue;
    const sections = { ...(base === "off" ? {} : base), ...change };
    // A part of the test may be changed alone, as long as it stays the same kind of test.
    const [before, after] = [partOf(base), partOf(change)];
    if (before && after && (after["kind"] ?? before["kind"]) === before["kind"])
      sections["test"] = { ...before, ...after };
    all[name] = sections;
  }
  return all;
}

function partOf(section: Sections[string] | undefined): Record<string, unknown> | undefined {
  const part = section === undefined || section === "off" ? undefined : section["test"];
  return typeof part === "object" && part !== null ? (part as Record<string, unknown>) : undefined;
}

function asCheck(name: string, { measure, ...rest }: CheckSection): Check {
  return { ...rest, name, measureName: measure, measure: measures[measure] };
}

function labelProblems({ name, by, where, measure, measureName }: Check): string[] {
  const known = Object.keys(sources[measure.source].labels);
  return [...by, ...Object.keys(where)]
    .filter((label) => !known.includes(label))
    .map(
      (label) =>
        `checks.${name}: expected labels of "${measureName}" (${known.join(", ")}), got "${label}"`,
    );
}

function mutedByProblems({ name, muted_by }: Check, names: ReadonlySet<string>): string[] {
  return muted_by
    .filter((other) => !names.has(other))
    .map((other) => `checks.${name}.muted_by: expected a check's name, got "${other}"`);
}

function limitProblems({ name, test }: Check): string[] {
  if (test.kind !== "threshold" || (test.above === undefined) !== (test.below === undefined))
    return [];
  return [`checks.${name}.test: expected either "above" or "below"`];
}
