/**
 * Does everything that was made from the spans still agree with them?
 *
 * Each rollup is computed anew from `spans` with the query of its own view (read from the database, `ingest` replaced
 * by `spans`), and compared with the table row by row: keys, sums and the quantiles that the sketches give. A new
 * rollup is checked from the day it has a view. What this cannot see is a view that has always been wrong; golden
 * rows in the schema's own tests do that.
 */
import type { ClickHouseClient } from "@clickhouse/client";

interface View {
  name: string;
  target: string;
  /** The view's own SELECT. */
  select: string;
}

interface Column {
  name: string;
  type: string;
  is_in_sorting_key: number;
}

/** What does not agree, one line a finding; empty: all is well. */
export async function findInconsistencies(client: ClickHouseClient): Promise<string[]> {
  const findings = [await duplicateSpans(client), await contentDifference(client)];
  for (const view of await rollupViews(client)) findings.push(await rollupDifference(client, view));
  return findings.filter((finding) => finding !== "");
}

/** The views that aggregate `ingest`; those of corrections read another table. */
async function rollupViews(client: ClickHouseClient): Promise<View[]> {
  const views = await rows<View>(
    client,
    `SELECT v.name AS name, extract(v.create_table_query, ' TO assay\\\\.(\\\\w+)') AS target, v.as_select AS select
     FROM system.tables AS v
     INNER JOIN system.tables AS t ON t.database = v.database AND t.name = target
     WHERE v.database = 'assay' AND v.engine IN ('MaterializedView') AND v.as_select LIKE '%FROM assay.ingest%'
       AND t.engine LIKE '%AggregatingMergeTree'
       -- What is made of text cannot be made anew from spans, which have none.
       AND v.as_select NOT LIKE '%content\\_%'
     ORDER BY name`,
  );
  if (views.length === 0) throw new Error("expected views that aggregate assay.ingest, got none");
  return views;
}

async function rollupDifference(client: ClickHouseClient, view: View): Promise<string> {
  const columns = await rows<Column>(
    client,
    `SELECT name, type, is_in_sorting_key FROM system.columns
     WHERE database = 'assay' AND table = '${view.target}'
       AND name != 'call_usd_sketch' -- keeps the costs of before a correction
     ORDER BY position`,
  );
  const keys = columns
    .filter((column) => column.is_in_sorting_key === 1)
    .map((column) => `toString(x.${column.name})`);
  const measures = columns.filter((column) => column.is_in_sorting_key !== 1).map(merged);
  const side = (source: string): string =>
    `SELECT (${keys.join(", ")}) AS key, [${measures.join(", ")}] AS measures FROM ${source} AS x GROUP BY ${keys.join(", ")}`;
  const rebuilt = `(${view.select.replace(/\bassay\.ingest\b/, "assay.spans")})`;
  const differing = await rows<{ key: unknown; live: string[]; rebuilt: string[] }>(
    client,
    `SELECT key, anyIf(measures, side = 'live') AS live, anyIf(measures, side = 'rebuilt') AS rebuilt
     FROM (SELECT 'live' AS side, * FROM (${side(`assay.${view.target}`)}) UNION ALL SELECT 'rebuilt' AS side, * FROM (${side(rebuilt)}))
     GROUP BY key HAVING live != rebuilt ORDER BY key LIMIT 3`,
  );
  if (differing.length === 0) return "";
  const names = columns
    .filter((column) => column.is_in_sorting_key !== 1)
    .map((column) => column.name);
  return `${view.target} differs from spans: ${differing.map((row) => describe(names, row)).join("; ")}`;
}

function describe(
  names: string[],
  row: { key: unknown; live: string[]; rebuilt: string[] },
): string {
  const differences = names
    .map((name, i) => ({ name, live: row.live[i], rebuilt: row.rebuilt[i] }))
    .filter(({ live, rebuilt }) => live !== rebuilt)
    .map(
      ({ name, live, rebuilt }) => `${name} ${live ?? "no row"} instead of ${rebuilt ?? "no row"}`,
    );
  return `${JSON.stringify(row.key)}: ${differences.join(", ")}`;
}

/** The aggregate that merges a column's rows, as text. */
function merged({ name, type }: Column): string {
  const simple = /^SimpleAggregateFunction\((\w+),/.exec(type);
  if (simple) return `toString(${simple[1]}(x.${name}))`;
  const state = /^AggregateFunction\((\w+)(\([^)]*\))?,/.exec(type);
  if (state) return `toString(${state[1]}Merge${state[2] ?? ""}(x.${name}))`;
  throw new Error(`expected an aggregate type for ${name}, got "${type}"`);
}

async function duplicateSpans(client: ClickHouseClient): Promise<string> {
  const [row] = await rows<{ stored: number; unique: number }>(
    client,
    "SELECT toUInt32(count()) AS stored, toUInt32(uniqExact(trace_id, span_id)) AS unique FROM assay.spans",
  );
  return row && row.stored !== row.unique
    ? `spans has ${row.stored} rows of ${row.unique} spans`
    : "";
}

async function contentDifference(client: ClickHouseClient): Promise<string> {
  const [row] = await rows<{ missing: number; stored: number; wanted: number }>(
    client,
    `SELECT
       (SELECT toUInt32(count()) FROM assay.span_content) AS stored,
       (SELECT toUInt32(countIf(has_content)) FROM assay.spans) AS wanted,
       (SELECT toUInt32(count()) FROM assay.spans
        WHERE has_content AND (trace_id, span_id) NOT IN (SELECT trace_id, span_id FROM assay.span_content)) AS missing`,
  );
  if (row && row.stored === row.wanted && row.missing === 0) return "";
  return `span_content has ${row?.stored} rows instead of ${row?.wanted}, ${row?.missing} spans have none`;
}

async function rows<T>(client: ClickHouseClient, query: string): Promise<T[]> {
  const result = await client.query({ query, format: "JSONEachRow" });
  return result.json<T>();
}
