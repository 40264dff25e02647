/** For tests: an engine, a provider that does what the test says, traces, and a judge over them. */
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { parseJudgeConfig, type JudgeConfig } from "../config.ts";
import { JudgeWorker, type JudgeWorkerOptions } from "../worker.ts";
import {
  startJudgeServer,
  type JudgeReply,
  type JudgeRequest,
  type JudgeServer,
} from "./judge-server.ts";

const COLLECTOR = "log-1";
const TABLES = [
  "spans",
  "span_content",
  "evaluations",
  "traffic_1h",
  "judge_decisions",
  "judge_windows",
  "trace_index",
  "canary_answers",
];
const JUDGES = ["answer_correctness", "answer_plausibility", "faithfulness", "professionalism"];

export interface TestTrace {
  /** @default one of its own */
  answer?: string;
  question?: string;
  reference?: string;
  documents?: string[];
  columns?: Record<string, unknown>;
}

export interface ScoreOfTest extends Record<string, unknown> {
  name: string;
  status: string;
  error_type: string;
  score: number | null;
  norm: number | null;
  trace_id: string;
}

export interface ConfigOfTest {
  sampling?: string;
  /** Lines after the profiles. */
  more?: string;
  /** Settings of each judge: ", logprobs: true". */
  judge?: string;
}

export async function startLab(): Promise<Lab> {
  const engine = await withEngine();
  const client = createClickHouse(engine.target);
  await migrate(client, { log: () => {} });
  return new Lab(engine, client);
}

export class Lab {
  readonly client: ClickHouseClient;
  readonly engine: TestEngine;
  /** The judge's clock. Rows of long ago would be past their retention. */
  now = Date.now() - 3 * 3_600_000;
  reply: (request: JudgeRequest) => JudgeReply | Promise<JudgeReply> = () => ({ score: 4 });
  dir = "";
  #server: JudgeServer | undefined;
  #workers: JudgeWorker[] = [];
  #traces = 0;

  constructor(engine: TestEngine, client: ClickHouseClient) {
    this.engine = engine;
    this.client = client;
  }

  /** Before each test: a provider, a folder and empty tables. */
  async begin(): Promise<void> {
    this.dir = await mkdtemp(join(tmpdir(), "assay-judge-"));
    this.reply = () => ({ score: 4 });
    this.#server = await startJudgeServer((request) => this.reply(request));
    await Promise.all(
      TABLES.map((table) => this.client.command({ query: `TRUNCATE TABLE assay.${table}` })),
    );
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map((worker) => worker.stop()));
    await this.#server?.close();
    await rm(this.dir, { recursive: true });
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.engine.stop();
  }

  get server(): JudgeServer {
    return this.#server!;
  }

  /** The judges of the shipped profile, without pauses. */
  config({ sampling = "{ rest: 1 }", more = "", judge = "" }: ConfigOfTest = {}): JudgeConfig {
    const judges = JUDGES.map(
      (metric) =>
        `  - { metric: ${metric}, provider: main, model: gpt-4o-mini, timeout_ms: 2500${judge} }`,
    ).join("\n");
    return this.parse(`judges:
${judges}
profiles:
  - weights: { answer_correctness: 0.6, faithfulness: 0.2, professionalism: 0.2 }
    sampling: ${sampling}
${more}`);
  }

  /** With a provider `main`, which is the test's. */
  parse(text: string): JudgeConfig {
    const provider = `providers: { main: { base_url: "${this.server.url}", max_in_flight: 64 } }`;
    return parseJudgeConfig(
      `${provider}\nsettle_seconds: 60\n${text}`,
      {},
      join(this.dir, "judge.yaml"),
    );
  }

  judge(
    config: JudgeConfig = this.config(),
    options: Partial<JudgeWorkerOptions> = {},
  ): JudgeWorker {
    const worker = new JudgeWorker({
      config,
      client: this.client,
      collectorId: COLLECTOR,
      positionFile: join(this.dir, "position.json"),
      storedThroughUnixMs: () => this.now,
      log: () => {},
      now: () => this.now,
      // Each look is a query, and so is each look for what came of it.
      pollMs: 50,
      pauseMs: () => 1,
      closedPauseMs: 100,
      ...options,
    });
    this.#workers.push(worker);
    worker.start();
    return worker;
  }

  /** Resolves when it has begun: only what settles after that is judged. */
  async started(config?: JudgeConfig, options?: Partial<JudgeWorkerOptions>): Promise<JudgeWorker> {
    const worker = this.judge(config, options);
    await this.hasBegun();
    return worker;
  }

  async hasBegun(): Promise<void> {
    await until(
      () =>
        access(join(this.dir, "position.json")).then(
          () => true,
          () => false,
        ),
      (there) => there,
    );
  }

  /** A retrieval, if there are documents, and a chat; in the order in which they settle. */
  async insertTraces(all: readonly TestTrace[]): Promise<void> {
    const { now } = this;
    const values = all.flatMap((trace, at) => this.#rowsOf(trace, now + (at + 1) * 1_000));
    await this.client.insert({ table: "assay.ingest", values, format: "JSONEachRow" });
    // Only now: a view may be filled before its sister is.
    this.now = now + all.length * 1_000 + 120_000;
  }

  #rowsOf(
    { question = "Why?", answer, reference, documents, columns = {} }: TestTrace,
    now: number,
  ): object[] {
    // A zero byte at the end is what is lost where an id is taken for a text.
    const trace_id = `${String(++this.#traces).padStart(15, "0")}\0`;
    const shared = {
      project: "p", trace_id, event_time: (now / 1_000).toFixed(9), received_at: (now / 1_000).toFixed(3), collector_id: COLLECTOR,
      start_unix_nano: `${now}000000`, end_unix_nano: `${now + 5}000000`, status: "ok", has_content: true,
    }; // prettier-ignore
    const text = (role: string, content: string) =>
      JSON.stringify([{ role, parts: [{ type: "text", content }] }]);
    return [
      ...(documents
        ? [{ ...shared, span_id: "retrieve", operation: "retrieval", document_count: documents.length,
           content_documents: JSON.stringify(documents.map((content) => ({ content }))) }] // prettier-ignore
        : []),
      {
        ...shared, span_id: "thechat!", operation: "chat", is_model_call: true, provider: "openai", response_model: "gpt-4o",
        content_input: text("user", question), content_output: text("assistant", answer ?? `Because of ${this.#traces}.`),
        attrs_string: reference ? { "assay.reference": reference } : {}, ...columns,
      }, // prettier-ignore
    ];
  }

  /** The newest row of each evaluation, by trace and metric. */
  readonly scores = (where = "1"): Promise<ScoreOfTest[]> =>
    this.rows<ScoreOfTest>(
      `SELECT * FROM (SELECT * FROM assay.v_evaluations ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id) WHERE ${where} ORDER BY trace_id, name`,
    );

  async rows<Row>(query: string): Promise<Row[]> {
    const result = await this.client.query({ query, format: "JSONEachRow" });
    return result.json<Row>();
  }
}

export async function until<T>(
  read: () => Promise<T> | T,
  holds: (value: T) => boolean,
  timeoutMs = 60_000,
): Promise<T> {
  for (const start = Date.now(); ;) {
    const value = await read();
    if (holds(value)) return value;
    if (Date.now() - start > timeoutMs)
      throw new Error(`not in time: ${JSON.stringify(value).slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
