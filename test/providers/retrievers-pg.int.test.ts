/**
 * What the service sees of `pg` is the same with the instrumentation and without, in every form that a query takes;
 * each search with pgvector is one span, and other queries are none. Against a PostgreSQL of this machine, where it has
 * one.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  startOtlpSink,
  type OtlpSink,
  type SinkSpan,
} from "../../instrumentation/testing/otlp-sink.ts";
import { runNode } from "../../instrumentation/testing/run-node.ts";
import { POSTGRES_BIN, startPostgres } from "./retrievers-postgres.ts";

const CHILD = fileURLToPath(new URL("retrievers-pg.mjs", import.meta.url));
const REGISTER = fileURLToPath(new URL("../../instrumentation/register.ts", import.meta.url));
const INSTALLED = existsSync(new URL("node_modules/pg", import.meta.url));

interface Outcome {
  seen: Record<string, unknown>;
  report?: { errors: number; warnings: string[] };
}

interface Search {
  source?: string;
  k?: number;
  /** Ids, with their scores where the statement names them. */
  found?: (string | [id: string, score: number])[];
  /** How many there were, where the rows went by unseen. */
  counted?: number;
  /** Of rows with text and metadata. */
  full?: boolean;
  error?: string;
  connected?: boolean;
}

const TWO: Search = {
  k: 2,
  found: [
    ["3", 0],
    ["2", 1],
  ],
  full: true,
};

const SEARCHES: Readonly<Record<string, Search>> = {
  promise: TWO,
  config: TWO,
  arrays: TWO,
  callback: TWO,
  "callback without values": { k: 1, found: ["1"] },
  "callback in the config": TWO,
  "config that is used again": TWO,
  "query object": { k: 3, counted: 3 },
  "query object with callback": TWO,
  "query object, failed": { source: "absent", error: "42P01" },
  cursor: { k: 2, counted: 2 },
  "cursor, failed": { source: "absent", error: "42P01" },
  "empty result": { found: [] },
  "limit as parameter": { k: 3, found: ["8", "7", "6"] },
  function: { k: 1, found: ["3"] },
  hybrid: { source: "public.items", k: 4, found: [["4", 0]] },
  "no table": { source: "absent", error: "42P01" },
  "no table, callback": { source: "absent", error: "42P01" },
  "statement timeout": { error: "57014" },
  "query timeout": { error: "Error" },
  "nobody listens": { k: 2, error: "ECONNREFUSED", connected: false },
  "pool, promise": TWO,
  "pool, callback": TWO,
  "pool, client": TWO,
  "pool, client by callback": TWO,
  "several statements": { k: 1, found: ["2", "1"] },
  "concurrent 1": { k: 1, found: ["3"] },
  "concurrent 2": { k: 2, found: ["3", "2"] },
  "concurrent 3": { k: 3, found: ["3", "2", "4"] },
  "concurrent 4": { k: 4, found: ["3", "4", "2", "1"] },
};

/** The service's own span, and none for the query in it. */
const TRACED: Readonly<Record<string, string[]>> = {
  "concurrent, traced 1": ["3"],
  "concurrent, traced 2": ["3", "2"],
  "concurrent, traced 3": ["3", "2", "4"],
};
const NO_SEARCH = ["bad arguments", "other query", "other distance", "writes a distance"];

function attributesOf(search: Search): Record<string, unknown> {
  const count = search.found?.length ?? search.counted;
  return {
    "gen_ai.operation.name": "retrieval",
    "gen_ai.provider.name": "pgvector",
    "gen_ai.data_source.id": search.source ?? "items",
    "db.system.name": "postgresql",
    "db.query.text": expect.stringMatching(/^(SELECT|WITH) /),
    ...(search.connected === false
      ? {}
      : {
          "db.namespace": "postgres",
          "server.address": "127.0.0.1",
          "server.port": expect.any(Number),
        }),
    ...(search.k ? { "gen_ai.retrieval.top_k": search.k, "gen_ai.request.top_k": search.k } : {}),
    ...(search.error ? { "error.type": search.error } : {}),
    ...(count === undefined ? {} : { "assay.retrieval.document_count": count }),
    ...(search.found ? { "gen_ai.retrieval.documents": documents(search.found, search.full) } : {}),
  };
}

function documents(found: readonly (string | [string, number])[], full = false): string {
  return JSON.stringify(
    found.map((document) => {
      const [id, score] = typeof document === "string" ? [document] : document;
      const rest = full ? { content: `about ${id}`, metadata: { page: 7 } } : {};
      return { id, ...(score === undefined ? {} : { score }), ...rest };
    }),
  );
}

async function run(format: string, port: number, env: Record<string, string>): Promise<Outcome> {
  const instrumented = "ASSAY_ENDPOINT" in env;
  const args = [...(instrumented ? ["--import", REGISTER] : []), CHILD, format, String(port)];
  const { stdout, stderr } = await runNode(args, env);
  if (!stdout) throw new Error(`the child printed nothing: ${stderr}`);
  return JSON.parse(stdout) as Outcome;
}

describe.skipIf(!INSTALLED || !POSTGRES_BIN)("pg", () => {
  const closers: (() => Promise<void>)[] = [];
  let port: number;
  let sink: OtlpSink;

  beforeAll(async () => {
    const postgres = await startPostgres(POSTGRES_BIN!);
    closers.push(postgres.stop);
    port = postgres.port;
    sink = await startOtlpSink();
    closers.push(sink.close);
  });
  afterAll(() => Promise.all(closers.map((close) => close())));

  describe.each(["esm", "cjs"])("%s", (format) => {
    let plain: Outcome;
    let traced: Outcome;
    let spans: SinkSpan[];
    const childrenOf = (name: string): SinkSpan[] => {
      const parent = spans.find((span) => span.name === `invoke_agent ${name}`);
      return spans.filter((span) => span.parentSpanId === parent?.spanId);
    };

    beforeAll(async () => {
      plain = await run(format, port, {});
      sink.spans.length = 0;
      traced = await run(format, port, { ASSAY_ENDPOINT: sink.url, ASSAY_CONTENT: "full" });
      spans = [...sink.spans];
    });

    test("the service sees the same", () => {
      expect(traced.seen).toEqual(plain.seen);
      expect(traced.report).toEqual({ errors: 0, warnings: [] });
    });

    test.each(Object.entries(SEARCHES))("%s", (name, search) => {
      const found = childrenOf(name);
      expect(found.map((span) => [span.name, span.kind, span.error])).toEqual([
        [`retrieval ${search.source ?? "items"}`, 3, search.error !== undefined],
      ]);
      expect(found[0]?.attributes).toEqual(attributesOf(search));
    });

    test.each(Object.entries(TRACED))("%s", (name, ids) => {
      const found = childrenOf(name);
      expect(found.map((span) => span.name)).toEqual(["retrieval handbook"]);
      expect(found[0]?.attributes["gen_ai.retrieval.documents"]).toBe(documents(ids));
    });

    test.each(NO_SEARCH)("%s: no span", (name) => {
      expect(childrenOf(name)).toEqual([]);
    });

    test("nothing else", () => {
      const agents = Object.keys({ ...SEARCHES, ...TRACED }).length + NO_SEARCH.length + 1;
      expect(spans).toHaveLength(agents + Object.keys({ ...SEARCHES, ...TRACED }).length + 1);
    });
  });

  test.each([
    ["off", undefined],
    ["redacted", "SELECT id FROM items ORDER BY embedding <=> ? LIMIT ?"],
  ])("literals in the statement, content %s", async (content, statement) => {
    sink.spans.length = 0;
    await run("esm", port, { ASSAY_ENDPOINT: sink.url, ASSAY_CONTENT: content });
    const agent = sink.spans.find((span) => span.name === "invoke_agent callback without values");
    const search = sink.spans.find((span) => span.parentSpanId === agent?.spanId);
    expect(search?.attributes["db.query.text"]).toBe(statement);
    expect(search?.attributes["gen_ai.retrieval.top_k"]).toBe(1);
    expect(sink.spans.some((span) => JSON.stringify(span).includes("[1,0]"))).toBe(false);
  });
});
