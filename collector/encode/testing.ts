/** For tests: blocks into the real engine and back as rows that a person can read. */
import { createClickHouse, migrate } from "@assay/clickhouse";
import { withEngine } from "@assay/clickhouse/testing";
import type { EncodedBlock } from "../stages.ts";

export type Row = Record<string, unknown>;

export interface BlockReader {
  /** Column names and types of table `ingest`, in its order. */
  describe(): Promise<[name: string, type: string][]>;
  /** Inserts a block into a table like `ingest` that keeps its rows, and returns them. */
  read(block: EncodedBlock): Promise<Row[]>;
  stop(): Promise<void>;
}

const READ = `
  SELECT * REPLACE (
    lower(hex(trace_id)) AS trace_id, lower(hex(span_id)) AS span_id, lower(hex(parent_span_id)) AS parent_span_id,
    toString(event_time) AS event_time, arrayMap(x -> lower(hex(x)), link_trace_ids) AS link_trace_ids,
    arrayMap(x -> lower(hex(x)), link_span_ids) AS link_span_ids, toString(received_at) AS received_at)
  FROM kept
  SETTINGS output_format_json_quote_64bit_integers = 1, output_format_json_quote_decimals = 1,
    output_format_json_quote_denormals = 1, max_threads = 1`;

export async function openBlockReader(): Promise<BlockReader> {
  const engine = await withEngine();
  const client = createClickHouse(engine.target);
  await migrate(client, { log: () => undefined });
  await client.command({ query: "CREATE TABLE kept AS ingest ENGINE = Memory" });
  const { url, username, password } = engine.target;

  async function insert(block: EncodedBlock): Promise<void> {
    const response = await fetch(`${url}/?database=assay&query=INSERT+INTO+kept+FORMAT+Native`, {
      method: "POST",
      headers: { "X-ClickHouse-User": username, "X-ClickHouse-Key": password },
      body: new Uint8Array(Buffer.concat(block.chunks)),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`insert answered ${response.status}: ${text}`);
  }

  return {
    async describe() {
      const query = "DESCRIBE TABLE ingest";
      const rows = await (
        await client.query({ query, format: "JSONEachRow" })
      ).json<{
        name: string;
        type: string;
      }>();
      return rows.map(({ name, type }) => [name, type]);
    },
    async read(block) {
      await client.command({ query: "TRUNCATE TABLE kept" });
      await insert(block);
      return (await client.query({ query: READ, format: "JSONEachRow" })).json<Row>();
    },
    async stop() {
      await client.close();
      await engine.stop();
    },
  };
}
