/**
 * `GET /api/v1/checks`: what each check found last, of every series, those that fire first; with `check`, `project` and
 * `series` also how it came to that.
 */
import { z } from "zod";
import { instant, range } from "./answers.ts";
import { anyOf, checkRange, readParameters, time, type RawQuery } from "./parameters.ts";
import type { Store } from "./store.ts";

const STATES = ["firing", "warn", "muted", "too_few", "no_data", "ok"] as const;
const SEVERITIES = ["page", "ticket", "info"] as const;
const MOST = 2_000;
const MOST_HISTORY = 2_000;

function listOf<const T extends string>(known: readonly T[]) {
  const message = `one of ${known.join(", ")}`;
  const one = z.enum(known, { message });
  return z
    .union([one, z.array(one, { message })], { message })
    .transform((value): T[] => (Array.isArray(value) ? value : [value as T]));
}

export function checksShape(nowMs: number) {
  return {
    from: time(nowMs),
    to: time(nowMs),
    check: anyOf.optional(),
    project: anyOf.optional(),
    series: z.string().max(1024).optional(),
    state: listOf(STATES).optional(),
    severity: listOf(SEVERITIES).optional(),
  };
}

const number = z.number().nullable();
const finding = {
  time: instant.describe("End of the newest window that was looked at"),
  state: z.string().describe(STATES.join(", ")),
  estimate: number,
  low: number,
  high: number,
  baseline: number,
  threshold: number,
  n: z.number(),
};

export const checksAnswer = z.looseObject({
  ...range,
  checks: z.array(
    z.looseObject({
      ...finding,
      check: z.string(),
      project: z.string().describe("Empty: the check ran and found no series"),
      series: z.string(),
      subject: z.string(),
      measure: z.string(),
      unit: z.string(),
      severity: z.string(),
      evaluated_at: instant,
      since: instant.nullable(),
      detectable: number.describe("Smallest change that so many records can show"),
      reason: z.string(),
      moved_by: z.unknown(),
      worst_traces: z.array(z.string()),
    }),
  ),
  history: z.array(z.looseObject(finding)).optional().describe("Oldest first, of one series"),
});

type Row = z.input<typeof checksAnswer>["checks"][number] & { moved_by: string };

const FINDING = `formatDateTime(event_time, '%FT%TZ') AS time, state, estimate, low, high, baseline, threshold, toFloat64(n) AS n`;

export async function readChecks(
  store: Store,
  query: RawQuery,
  nowMs: number,
): Promise<z.input<typeof checksAnswer>> {
  const { from, to, check, project, series, state, severity } = readParameters(
    checksShape(nowMs),
    query,
  );
  checkRange(from, to);
  const inRange = [
    "event_time >= toDateTime({from:UInt32}, 'UTC') AND event_time <= toDateTime({to:UInt32}, 'UTC')",
    ...(check ? ["check_name IN {check:Array(String)}"] : []),
    ...(project ? ["project IN {project:Array(String)}"] : []),
    ...(series === undefined ? [] : ["series = {series:String}"]),
  ].join(" AND ");
  const wanted = [
    ...(state ? ["state IN {state:Array(String)}"] : []),
    ...(severity ? ["severity IN {severity:Array(String)}"] : []),
  ].join(" AND ");
  const parameters = {
    from: Math.floor(from / 1000),
    to: Math.floor(to / 1000),
    ...(check && { check }),
    ...(project && { project }),
    ...(series !== undefined && { series }),
    ...(state && { state }),
    ...(severity && { severity }),
  };
  const one = check?.length === 1 && project?.length === 1 && series !== undefined;
  const [rows, history] = await Promise.all([
    store.rows<Row>({ sql: newestSql(inRange, wanted), parameters }),
    one
      ? store.rows<z.input<z.ZodObject<typeof finding>>>({
          sql: `SELECT * FROM (SELECT ${FINDING} FROM assay.check_results WHERE ${inRange} ORDER BY event_time DESC, evaluated_at DESC LIMIT ${MOST_HISTORY}) ORDER BY time`,
          parameters,
        })
      : undefined,
  ]);
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    checks: rows.map((row) => ({
      ...row,
      moved_by: row.moved_by === "" ? null : JSON.parse(row.moved_by),
    })),
    ...(history && { history }),
  };
}

function newestSql(inRange: string, wanted: string): string {
  const order = STATES.map((state) => `'${state}'`).join(", ");
  return `SELECT check_name AS check, project, series, subject, measure, unit, severity, ${FINDING},
  concat(replaceOne(toString(evaluated_at), ' ', 'T'), 'Z') AS evaluated_at, if(since IS NULL, NULL, formatDateTime(assumeNotNull(since), '%FT%TZ')) AS since,
  detectable, reason, moved_by, worst_traces
FROM (
  SELECT * FROM assay.check_results WHERE ${inRange}
  ORDER BY event_time DESC, evaluated_at DESC LIMIT 1 BY check_name, project, series
)
${wanted && `WHERE ${wanted}`}
ORDER BY indexOf([${order}], state), severity, project, check, series
LIMIT ${MOST}`;
}
