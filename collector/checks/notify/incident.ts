/**
 * Incidents: what fires of one project and subject (errors, cost, quality …) together, from the first check that fires until
 * the last is over. One incident is one page, however many checks and models it has.
 *
 * Plain data and one step: rows of results in, what has to be told out. The clock is an argument.
 */
import { randomUUID } from "node:crypto";
import { z } from "zod";

const severity = z.enum(["page", "ticket"]);
export type Severity = z.output<typeof severity>;

const alert = z.object({
  check: z.string(),
  series: z.string(),
  severity,
  reason: z.string(),
  sinceUnixMs: z.number(),
  estimate: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  baseline: z.number().nullable(),
  n: z.number(),
  movedBy: z.string(),
  worstTraces: z.array(z.string()),
});
export type Alert = z.output<typeof alert>;

export const incidentSchema = z.object({
  id: z.string(),
  project: z.string(),
  subject: z.string(),
  openedUnixMs: z.number(),
  /** By check and series. */
  alerts: z.record(z.string(), alert),
  /** When it was told last, and how badly; absent: not yet. */
  told: z.object({ atUnixMs: z.number(), severity }).optional(),
  /** Somebody looks at it: it is told no more while it lasts, unless it gets worse. */
  acknowledged: z.object({ by: z.string(), atUnixMs: z.number() }).optional(),
});
export type Incident = z.output<typeof incidentSchema>;

/** What is told: `open` also when it got worse, `again` as it lasts. */
export type Occasion = "open" | "again" | "acknowledged" | "resolved";
export interface Message {
  occasion: Occasion;
  incident: Incident;
}

/** The part of a check's result that matters here. */
export interface Result {
  check_name: string;
  project: string;
  series: string;
  subject: string;
  severity: "page" | "ticket" | "info";
  state: string;
  /** Unix seconds. */
  since: number | null;
  event_time: number;
  estimate: number | null;
  low: number | null;
  high: number | null;
  baseline: number | null;
  n: number;
  reason: string;
  moved_by: string;
  worst_traces: readonly string[];
}

const MOST_INCIDENTS = 1_000;
const MOST_ALERTS = 200;

/**
 * Takes results into `incidents` (changed in place), and gives those that ended. A result that is neither firing nor fine (no
 * records, too few, the judge in trouble) leaves an alert as it is. `dropped` counts what did not fit.
 */
export function takeResults(
  incidents: Map<string, Incident>,
  rows: readonly Result[],
  nowUnixMs: number,
): { ended: Incident[]; dropped: number } {
  let dropped = 0;
  for (const row of rows) {
    if (row.severity === "info") continue;
    const key = JSON.stringify([row.project, row.subject]);
    const name = JSON.stringify([row.check_name, row.series]);
    const known = incidents.get(key);
    if (row.state === "ok" || row.state === "warn") {
      if (known) delete known.alerts[name];
    } else if (row.state === "firing") {
      const incident = known ?? opened(row, nowUnixMs);
      const fits = known
        ? name in known.alerts || Object.keys(known.alerts).length < MOST_ALERTS
        : incidents.size < MOST_INCIDENTS;
      if (!fits) dropped++;
      else {
        incident.alerts[name] = alertOf(row, row.severity);
        incidents.set(key, incident);
      }
    }
  }
  const ended = [...incidents].filter(([, { alerts }]) => Object.keys(alerts).length === 0);
  for (const [key] of ended) incidents.delete(key);
  return { ended: ended.map(([, incident]) => incident), dropped };
}

function opened({ project, subject }: Result, nowUnixMs: number): Incident {
  return { id: randomUUID(), project, subject, openedUnixMs: nowUnixMs, alerts: {} };
}

function alertOf(row: Result, worst: Severity): Alert {
  return {
    check: row.check_name,
    series: row.series,
    severity: worst,
    reason: row.reason,
    sinceUnixMs: (row.since ?? row.event_time) * 1_000,
    estimate: row.estimate,
    low: row.low,
    high: row.high,
    baseline: row.baseline,
    n: row.n,
    movedBy: row.moved_by,
    worstTraces: [...row.worst_traces],
  };
}

export function severityOf({ alerts }: Incident): Severity {
  return Object.values(alerts).some((one) => one.severity === "page") ? "page" : "ticket";
}

/** What has to be said of an open incident now, if anything; times in ms. */
export function occasionOf(
  incident: Incident,
  nowUnixMs: number,
  { waitMs, repeatMs }: { waitMs: number; repeatMs: number },
): "open" | "again" | undefined {
  const { told, openedUnixMs } = incident;
  if (!told) return nowUnixMs - openedUnixMs >= waitMs ? "open" : undefined;
  if (told.severity === "ticket" && severityOf(incident) === "page") return "open";
  if (incident.acknowledged) return undefined;
  return nowUnixMs - told.atUnixMs >= repeatMs ? "again" : undefined;
}
