/** Traces to look at first: the worst records of a series in a window, for links in a message. */
import type { ClickHouseClient } from "@clickhouse/client";
import type { Check } from "./definition.ts";
import { sources } from "./measure.ts";
import type { Window } from "./verdict.ts";
import type { Series } from "./windows.ts";

const MOST = 5;
/** The others are looked up among spans, which have the same labels. */
const SCORES: ReadonlySet<string> = new Set(["scores", "judged", "sentinels"]);

export async function readWorstTraces(
  client: ClickHouseClient,
  { measure, by, where }: Check,
  { series, now }: { series: Series; now: Window },
): Promise<string[]> {
  if (measure.worst === undefined) return [];
  const { labels } = sources[measure.source];
  const isScores = SCORES.has(measure.source);
  const named = ["project", ...by];
  const filters = [
    ...named.map((name, i) => `toString(${labels[name]!}) = {l${i}:String}`),
    ...Object.keys(where).map((name, i) => `${labels[name]!} IN {where${i}:Array(String)}`),
    "event_time >= fromUnixTimestamp({from:UInt32}) AND event_time < fromUnixTimestamp({to:UInt32})",
    isScores
      ? "status = 'ok' AND norm IS NOT NULL AND purpose IN ('', 'traffic')"
      : (measure.worstWhere ?? "is_model_call"),
    "trace_id != toFixedString('', 16)",
  ];
  const result = await client.query({
    query: `SELECT lower(hex(trace_id)) AS id FROM (SELECT * FROM ${isScores ? "evaluations" : "spans"}
      WHERE ${filters.join(" AND ")} ORDER BY ${measure.worst} LIMIT ${MOST * 4}) LIMIT 1 BY id LIMIT ${MOST}`,
    query_params: {
      ...now,
      ...Object.fromEntries(
        named.map((name, i) => [
          `l${i}`,
          name === "project" ? series.project : series.labels[name],
        ]),
      ),
      ...Object.fromEntries(Object.values(where).map((values, i) => [`where${i}`, values])),
    },
    format: "JSONEachRow",
  });
  return (await result.json<{ id: string }>()).map(({ id }) => id);
}
