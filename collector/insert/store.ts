/**
 * What the inserter asks of ClickHouse: put a block in, count what is there, put back what was lost.
 *
 * Every insert has the same settings: one block in is one block to every table, with one token, so that a repeated
 * insert is recognized by each table and each view's table on its own. Other block boundaries under the same token
 * would store rows twice.
 */
import { createReadStream } from "node:fs";
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { oneBlock, type ClickHouseTarget } from "@assay/clickhouse";
import type { ClickHouseClient, ClickHouseSettings } from "@clickhouse/client";
import { dayOf, ROWS_OF_TABLE, tableOf, type RowTable } from "../row-places.ts";
import type { Plan } from "./plan.ts";
import { countSql } from "./stored-rows.ts";

/** Rows found, by batch and place. */
export type RowCounts = Map<number, Map<string, number>>;

export class Store {
  readonly #client: ClickHouseClient;
  readonly #target: ClickHouseTarget;
  readonly #spoolDir: string;

  constructor(client: ClickHouseClient, target: ClickHouseTarget, spoolDir: string) {
    this.#client = client;
    this.#target = target;
    this.#spoolDir = spoolDir;
  }

  /** The embedded engine reads the file itself; a server gets its bytes. */
  async insert(plan: Plan, token: string, signal: AbortSignal): Promise<void> {
    if (!this.#target.embedded) return this.#post("ingest", plan, token, signal);
    const settings = settingsWith(token, { assay_spool: plan.block });
    await this.#exec("INSERT INTO assay.ingest FORMAT Native", Readable.from([]), settings, signal);
  }

  /** Counts the batches of these plans, which are of one log, and those after the first of them. */
  async count(plans: readonly Plan[], signal: AbortSignal): Promise<RowCounts> {
    const places = plans.flatMap((plan) => Object.keys(plan.rowsByDay));
    const from = Math.min(...plans.map((plan) => plan.seqFrom));
    const result = await this.#client.query({
      query: countSql(places, "s.batch >= {from:UInt64}", true),
      query_params: { id: plans[0]?.logId, from },
      format: "JSONEachRow",
      abort_signal: signal,
    });
    const counts: RowCounts = new Map();
    for (const row of await result.json<{ number: string; place: string; rows: string }>()) {
      const places = counts.get(Number(row.number)) ?? new Map<string, number>();
      counts.set(Number(row.number), places.set(row.place, Number(row.rows)));
    }
    return counts;
  }

  /**
   * Puts the rows of some places of a block into their tables, and into no other: a rollup that has counted them would count
   * them again. What the table's view makes of them is asked of the view.
   */
  async insertPlaces(
    plan: Plan,
    places: readonly string[],
    token: string,
    signal: AbortSignal,
  ): Promise<void> {
    const block = `restore_${randomUUID().replaceAll("-", "")}`;
    await this.#command(`CREATE TABLE assay.${block} AS assay.ingest ENGINE = Memory`, {}, signal);
    try {
      await this.#post(block, plan, undefined, signal);
      for (const [table, ofTable] of Map.groupBy(places, tableOf)) {
        const days = ofTable.map((place) => `'${dayOf(place)}'`).join(", ");
        const rows = `SELECT * FROM assay.${block} WHERE toDate(event_time) IN (${days}) AND ${ROWS_OF_TABLE[table]}`;
        await this.#refill(table, rows, `${token}/${table}`, signal);
      }
    } finally {
      await this.#client.command({ query: `DROP TABLE IF EXISTS assay.${block}` });
    }
  }

  async #refill(table: RowTable, rows: string, token: string, signal: AbortSignal): Promise<void> {
    const [view] = await this.#rows<{ as_select: string }>(
      `SELECT as_select FROM system.tables WHERE database = 'assay' AND name = '${table}_mv'`,
      signal,
    );
    if (!view) throw new Error(`expected a view "${table}_mv" that fills "${table}", found none`);
    const select = view.as_select.replace(/\bassay\.ingest\b/, `(${rows})`);
    const columns = await this.#rows<{ name: string }>(`DESCRIBE TABLE (${select})`, signal);
    const names = columns.map(({ name }) => name).join(", ");
    await this.#command(
      `INSERT INTO assay.${table} (${names}) ${select}`,
      settingsWith(token),
      signal,
    );
  }

  async #command(query: string, settings: ClickHouseSettings, signal: AbortSignal): Promise<void> {
    await this.#client.command({ query, clickhouse_settings: settings, abort_signal: signal });
  }

  async #rows<Row>(query: string, signal: AbortSignal): Promise<Row[]> {
    const result = await this.#client.query({ query, format: "JSONEachRow", abort_signal: signal });
    return await result.json<Row>();
  }

  #post(table: string, plan: Plan, token: string | undefined, signal: AbortSignal): Promise<void> {
    const block = createReadStream(`${this.#spoolDir}/${plan.block}`, {
      highWaterMark: 1024 * 1024,
    });
    return this.#exec(
      `INSERT INTO assay.${table} FORMAT Native`,
      block,
      settingsWith(token),
      signal,
    );
  }

  async #exec(
    query: string,
    values: Readable,
    settings: ClickHouseSettings,
    signal: AbortSignal,
  ): Promise<void> {
    const { stream } = await this.#client.exec({
      query,
      values,
      clickhouse_settings: settings,
      abort_signal: signal,
    });
    // An insert answers with an empty body, and is over when it has ended.
    for await (const _ of stream);
  }
}

function settingsWith(
  token: string | undefined,
  more: Record<string, string> = {},
): ClickHouseSettings {
  // Imports of history may hold many days.
  return { ...oneBlock(token), max_partitions_per_insert_block: "0", ...more };
}
