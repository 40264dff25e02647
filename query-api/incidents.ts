/**
 * Incidents: what the notifier told people of, and that somebody looks at it. The collector reads an acknowledgement within
 * seconds, tells the channels, and says no more of the incident unless it gets worse.
 */
import { z } from "zod";
import { instant, range } from "./answers.ts";
import type { ApiCall } from "./endpoint.ts";
import { ApiError } from "./errors.ts";
import { anyOf, checkRange, flag, readParameters, time, type RawQuery } from "./parameters.ts";
import type { Store } from "./store.ts";

const MOST = 500;

export function incidentsShape(nowMs: number) {
  return {
    from: time(nowMs),
    to: time(nowMs),
    project: anyOf.optional(),
    open: flag.default(false).describe("Only those that are not over"),
  };
}

export const incidentsAnswer = z.looseObject({
  ...range,
  incidents: z.array(
    z.looseObject({
      incident: z.string(),
      project: z.string(),
      subject: z.string(),
      severity: z.string(),
      title: z.string().describe("As it was told last"),
      opened: instant,
      told: instant.describe("Last"),
      over: instant.nullable(),
      acknowledged: instant.nullable(),
      acknowledged_by: z.string(),
    }),
  ),
});

const INSTANT = (sql: string): string => `concat(replaceOne(toString(${sql}), ' ', 'T'), 'Z')`;

export async function listIncidents(
  store: Store,
  query: RawQuery,
  nowMs: number,
): Promise<z.input<typeof incidentsAnswer>> {
  const { from, to, project, open } = readParameters(incidentsShape(nowMs), query);
  checkRange(from, to);
  const incidents = await store.rows<z.input<typeof incidentsAnswer>["incidents"][number]>({
    sql: `SELECT incident_id AS incident, any(i.project) AS project, any(i.subject) AS subject, argMaxIf(i.severity, i.at, i.event != 'acknowledge') AS severity,
  argMaxIf(i.title, i.at, i.event IN ('open', 'again')) AS title,
  ${INSTANT("minIf(i.at, i.event = 'open')")} AS opened, ${INSTANT("maxIf(i.at, i.event IN ('open', 'again'))")} AS told,
  if(countIf(i.event = 'resolved') = 0, NULL, ${INSTANT("maxIf(i.at, i.event = 'resolved')")}) AS over,
  maxIf(i.at, i.event = 'acknowledge') AS asked,
  if(asked < maxIf(i.at, i.event = 'open'), NULL, ${INSTANT("asked")}) AS acknowledged,
  if(acknowledged IS NULL, '', argMaxIf(i.by, i.at, i.event = 'acknowledge')) AS acknowledged_by
FROM assay.incidents AS i
WHERE at >= fromUnixTimestamp64Milli({from:Int64}) AND at <= fromUnixTimestamp64Milli({to:Int64})
GROUP BY incident_id
HAVING countIf(i.event = 'open') > 0 ${project ? "AND project IN {project:Array(String)}" : ""} ${open ? "AND over IS NULL" : ""}
ORDER BY over IS NOT NULL, opened DESC LIMIT ${MOST}`,
    parameters: { from, to, ...(project && { project }) },
  });
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), incidents };
}

export function acknowledgeShape() {
  return {
    incident: z.string().min(1).max(100).describe("Its id"),
    by: z.string().trim().min(1).max(100).describe("Who looks at it: a name, or how to reach them"),
  };
}

export const acknowledgeAnswer = z.looseObject({
  incident: z.string(),
  acknowledged_by: z.string(),
});

/** @throws ApiError for an incident that nobody was told of, and where nothing may be written */
export async function acknowledge({
  store,
  body,
  writer,
  nowMs,
}: ApiCall): Promise<z.input<typeof acknowledgeAnswer>> {
  const parsed = z.strictObject(acknowledgeShape()).safeParse(body);
  if (!parsed.success) throw new ApiError("bad_parameter", z.prettifyError(parsed.error));
  const { incident, by } = parsed.data;
  if (!writer) throw new ApiError("read_only");
  const [known] = await store.rows<{ project: string; subject: string }>({
    sql: "SELECT any(project) AS project, any(subject) AS subject FROM assay.incidents WHERE incident_id = {incident:String} HAVING count() > 0",
    parameters: { incident },
  });
  if (!known) throw new ApiError("incident_not_found");
  await writer.insert({
    table: "incidents",
    values: [
      { incident_id: incident, at: (nowMs / 1_000).toFixed(3), ...known, event: "acknowledge", by },
    ],
    format: "JSONEachRow",
    clickhouse_settings: { async_insert: 0 },
  });
  return { incident, acknowledged_by: by };
}
