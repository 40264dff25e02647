/**
 * Incidents in ClickHouse: for the API and the page, where they can be acknowledged, and for another collector that goes on
 * with them.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { type Incident, incidentSchema, type Occasion, severityOf } from "./incident.ts";
import { wordsOf } from "./message.ts";

const REMEMBERED_DAYS = 35;

interface Acknowledgement {
  by: string;
  atUnixMs: number;
}

export interface JournalEntry {
  atUnixMs: number;
  occasion: Occasion;
  incident: Incident;
}

export interface Journal {
  record(entries: readonly JournalEntry[]): Promise<void>;
  /** Of each incident of late, how it stood last. */
  newest(): Promise<{ occasion: Occasion; incident: Incident }[]>;
  /** Who asked that these are acknowledged, by id. */
  acknowledged(ids: readonly string[]): Promise<Map<string, Acknowledgement>>;
}

export function createJournal(client: ClickHouseClient, page: string): Journal {
  return {
    async record(entries) {
      await client.insert({
        table: "incidents",
        values: entries.map(({ atUnixMs, occasion, incident }) => ({
          incident_id: incident.id,
          at: (atUnixMs / 1_000).toFixed(3),
          project: incident.project,
          subject: incident.subject,
          event: occasion,
          severity: incident.told?.severity ?? severityOf(incident),
          title: wordsOf({ occasion, incident }, page).title,
          by: incident.acknowledged?.by ?? "",
          incident: JSON.stringify(incident),
        })),
        format: "JSONEachRow",
        clickhouse_settings: { async_insert: 0 },
      });
    },
    async newest() {
      const rows = await client.query({
        query: `SELECT incident_id, argMax(i.event, (i.at, i.event = 'resolved')) AS event, argMax(i.incident, (i.at, i.event = 'resolved')) AS incident FROM incidents AS i
          WHERE i.incident != '' AND i.at >= now() - toIntervalDay({days:UInt16}) GROUP BY incident_id`,
        query_params: { days: REMEMBERED_DAYS },
        format: "JSONEachRow",
      });
      return (await rows.json<{ event: Occasion; incident: string }>()).map((row) => ({
        occasion: row.event,
        incident: incidentSchema.parse(JSON.parse(row.incident)),
      }));
    },
    async acknowledged(ids) {
      const rows = await client.query({
        query: `SELECT incident_id, argMax(i.by, i.at) AS by, toFloat64(toUnixTimestamp64Milli(max(i.at))) AS at FROM incidents AS i
          WHERE i.incident_id IN {ids:Array(String)} AND i.event = 'acknowledge' GROUP BY incident_id`,
        query_params: { ids },
        format: "JSONEachRow",
      });
      const found = await rows.json<{ incident_id: string; by: string; at: number }>();
      return new Map(
        found.map((row) => [row.incident_id, { by: row.by, atUnixMs: Number(row.at) }]),
      );
    },
  };
}
