/** A real log, a real engine, the tiny encoder, and a count of every table that an insert fills. */
import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import { createClickHouse, migrate, type ClickHouseTarget } from "@assay/clickhouse";
import { withEngine, type TestEngine } from "@assay/clickhouse/testing";
import type { ClickHouseClient } from "@clickhouse/client";
import { openLog, type WriteAheadLog } from "../../log/log.ts";
import type { AcceptedRequest } from "../../stages.ts";
import { createInserter, type Inserter, type InserterOptions } from "../inserter.ts";
import { createTinyEncoder, type Column, type TestSpan } from "./tiny-encoder.ts";

/** Logs of processes that are played dead are never closed; held here, so that garbage collection does not either. */
const openLogs: WriteAheadLog[] = [];

export interface Store {
  engine: TestEngine;
  client: ClickHouseClient;
  columns: Column[];
}

export async function startStore(dataDir?: string): Promise<Store> {
  const engine = await withEngine(dataDir === undefined ? {} : { dataDir });
  const client = createClickHouse(engine.target);
  await migrate(client, { log: () => undefined });
  const result = await client.query({
    query: "DESCRIBE TABLE assay.ingest",
    format: "JSONEachRow",
  });
  return { engine, client, columns: await result.json<Column>() };
}

export async function stopStore({ engine, client }: Store): Promise<void> {
  await client.close();
  await engine.stop();
}

/** One collector's directory; processes come and go on it. */
export class Site {
  readonly dir: string;
  readonly project: string;
  readonly logged: string[] = [];
  readonly #store: Store;
  #n = 0;
  log!: WriteAheadLog;

  constructor(store: Store, dir: string) {
    this.#store = store;
    this.dir = dir;
    this.project = dir.slice(-6);
  }

  static async create(store: Store): Promise<Site> {
    const site = new Site(store, await fs.mkdtemp(`${os.tmpdir()}/assay-insert-`));
    await site.openLog();
    return site;
  }

  async openLog(): Promise<void> {
    this.log = await openLog({
      dir: `${this.dir}/log`,
      maxBytes: 1e9,
      validatorVersion: 1,
      log: (level, message) => this.logged.push(`${level} ${message}`),
    });
    openLogs.push(this.log);
  }

  /** A new process on the directory: nothing of the one before is left but its files. */
  async process(options: Partial<InserterOptions> = {}): Promise<Inserter> {
    await this.openLog();
    return this.inserter(options);
  }

  inserter(options: Partial<InserterOptions> = {}): Inserter {
    const target: ClickHouseTarget = this.#store.engine.target;
    return createInserter({
      log: this.log,
      encoder: createTinyEncoder(this.#store.columns, this.log.id),
      client: this.#store.client,
      target,
      dir: `${this.dir}/insert`,
      logger: (level, message) => this.logged.push(`${level} ${message}`),
      idleAgeMs: 5,
      maxAgeMs: 10,
      backoff: { minMs: 5, maxMs: 50 },
      ...options,
    });
  }

  /** Appends one record with these spans' days; returns how many. */
  async append(spans: readonly Partial<TestSpan>[]): Promise<number> {
    const full = spans.map((span) => ({
      project: this.project,
      day: "2026-11-20",
      n: ++this.#n,
      ...span,
    }));
    await this.log.append(requestOf(full));
    return spans.length;
  }

  /** Rows of each table that the inserts fill; all must be the same. */
  async counts(client = this.#store.client): Promise<Record<string, number>> {
    const sums = [
      "trace_index",
      "llm_1m",
      "llm_1h",
      "llm_1d",
      "cost_by_user_1d",
      "cost_by_release_1d",
    ]
      .map(
        (table) => `(SELECT sum(spans) FROM assay.${table} WHERE project = {p:String}) AS ${table}`,
      )
      .join(", ");
    const result = await client.query({
      query: `SELECT
          (SELECT count() FROM assay.spans WHERE project = {p:String}) AS spans,
          (SELECT uniqExact(span_id) FROM assay.spans WHERE project = {p:String}) AS distinct_spans,
          (SELECT count() FROM assay.span_content WHERE project = {p:String}) AS span_content,
          ${sums}`,
      query_params: { p: this.project },
      format: "JSONEachRow",
    });
    const [row = {}] = await result.json<Record<string, string | number>>();
    return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)]));
  }
}

export function everywhere(count: number): Record<string, number> {
  const tables =
    "spans distinct_spans span_content trace_index llm_1m llm_1h llm_1d cost_by_user_1d cost_by_release_1d";
  return Object.fromEntries(tables.split(" ").map((table) => [table, count]));
}

function requestOf(spans: readonly TestSpan[]): AcceptedRequest {
  const body = Buffer.from(JSON.stringify(spans));
  const bodyHash = createHash("sha256").update(body).digest().subarray(0, 16);
  return {
    signal: "traces",
    body,
    bodyHash,
    spanCount: spans.length,
    rejected: [],
    receivedAtUnixMs: Date.now(),
  };
}

/** Polls until `test` holds. */
export async function until(
  test: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await test())) {
    if (Date.now() > end) throw new Error(`expected ${test.toString()} within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
