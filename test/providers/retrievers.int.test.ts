/**
 * What the service sees of the real clients of vector stores is the same with the instrumentation and without, and each
 * search is one span. The stores' protocols are answered on loopback (retrievers-servers.ts).
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startOtlpSink, type SinkSpan } from "../../instrumentation/testing/otlp-sink.ts";
import { runNode } from "../../instrumentation/testing/run-node.ts";
import { startStoreServer } from "./retrievers-servers.ts";

const CHILD = fileURLToPath(new URL("retrievers.mjs", import.meta.url));
const REGISTER = fileURLToPath(new URL("../../instrumentation/register.ts", import.meta.url));
const INSTALLED = ["@pinecone-database/pinecone", "@qdrant/js-client-rest", "chromadb"].every(
  (name) => existsSync(new URL(`node_modules/${name}`, import.meta.url)),
);

interface Outcome {
  seen: Record<string, unknown>;
  report?: { errors: number; sdks: { name: string; patched: string[] }[]; warnings: string[] };
}

interface Search {
  source: string;
  k?: number;
  namespace?: string;
  query?: string;
  model?: string;
  /** The ids found, with scores 0.875, 0.75 … starting anew with each `-0`. */
  found?: string[];
  /** Of documents that have no metadata beside their text. */
  bare?: boolean;
  error?: string;
}

const SEARCHES: Readonly<Record<string, Search>> = {
  "pinecone, query": {
    source: "handbook",
    namespace: "__default__",
    k: 2,
    found: ["__default__-0", "__default__-1"],
  },
  "pinecone, by id": { source: "handbook", namespace: "other", k: 1, found: ["other-0"] },
  "pinecone, empty": { source: "handbook", namespace: "empty", k: 2, found: [] },
  "pinecone, missing": {
    source: "handbook",
    namespace: "missing",
    k: 2,
    error: "PineconeNotFoundError",
  },
  "pinecone, broken": {
    source: "handbook",
    namespace: "broken",
    k: 2,
    error: "PineconeConnectionError",
  },
  "pinecone, bad arguments": {
    source: "handbook",
    namespace: "__default__",
    error: "PineconeArgumentError",
  },
  "pinecone, aborted": {
    source: "127.0.0.1",
    namespace: "slow",
    k: 2,
    error: "PineconeConnectionError",
  },
  "pinecone, records": {
    source: "handbook",
    namespace: "__default__",
    k: 2,
    query: "when do trains leave",
    found: ["__default__-0", "__default__-1"],
  },
  "pinecone, documents": {
    source: "handbook",
    namespace: "__default__",
    k: 1,
    query: "night trains",
    found: ["__default__-0"],
    bare: true,
  },
  "qdrant, query": { source: "guides", k: 2, found: ["guides-0", "guides-1"] },
  "qdrant, text": {
    source: "guides",
    k: 1,
    query: "night trains",
    model: "minilm",
    found: ["guides-0"],
  },
  "qdrant, batch": { source: "guides", k: 2, found: ["guides-0", "guides-0", "guides-1"] },
  "qdrant, groups": { source: "guides", k: 1, found: ["guides-0", "guides-0"] },
  "qdrant, empty": { source: "empty", k: 2, found: [] },
  "qdrant, missing": { source: "missing", k: 2, error: "404" },
  "qdrant, broken": { source: "broken", k: 2, error: "TypeError" },
  "qdrant, aborted": { source: "slow", k: 2, error: "QdrantClientTimeoutError" },
  "chroma, texts": {
    source: "notes",
    k: 1,
    query: "trains\nbuses",
    found: ["notes-0", "notes-0"],
  },
  "chroma, embeddings": { source: "notes", k: 2, found: ["notes-0", "notes-1"] },
  "chroma, rows": { source: "notes", k: 1, found: ["notes-0"] },
  "chroma, search": { source: "notes", k: 2, found: ["notes-0", "notes-1"] },
  "chroma, handle": { source: "by-id", k: 1, found: ["by-id-0"] },
  "chroma, empty": { source: "empty", k: 2, found: [] },
  "chroma, missing": { source: "missing", k: 2, error: "ChromaNotFoundError" },
  "chroma, broken": { source: "broken", k: 2, error: "ChromaConnectionError" },
  "chroma, aborted": { source: "slow", k: 2, error: "ChromaConnectionError" },
  ...Object.fromEntries(
    ["slow", "a", "b", "c"].map((place) => [
      `concurrent ${place}`,
      { source: place, k: 1, found: [`${place}-0`] },
    ]),
  ),
};

function attributesOf(name: string, search: Search): Record<string, unknown> {
  const provider = /^\w+/.exec(name)?.[0].replace("concurrent", "qdrant");
  const namespace = search.namespace ?? (provider === "chroma" ? "d" : undefined);
  return {
    "gen_ai.operation.name": "retrieval",
    "gen_ai.provider.name": provider,
    "gen_ai.data_source.id": search.source,
    "server.address": "127.0.0.1",
    "server.port": expect.any(Number),
    ...(namespace ? { "db.namespace": namespace } : {}),
    ...(search.k ? { "gen_ai.retrieval.top_k": search.k, "gen_ai.request.top_k": search.k } : {}),
    ...(search.model ? { "gen_ai.request.model": search.model } : {}),
    ...(search.query ? { "gen_ai.retrieval.query.text": search.query } : {}),
    ...(search.error ? { "error.type": search.error } : {}),
    ...(search.found
      ? {
          "assay.retrieval.document_count": search.found.length,
          "gen_ai.retrieval.documents": JSON.stringify(
            search.found.map((id) => documentOf(id, search.bare)),
          ),
        }
      : {}),
  };
}

function documentOf(id: string, bare = false): unknown {
  const [place, at] = [id.slice(0, id.lastIndexOf("-")), Number(id.slice(id.lastIndexOf("-") + 1))];
  const document = { id, score: 1 - (at + 1) / 8, content: `about ${place} ${at}` };
  return bare ? document : { ...document, metadata: { page: 7 } };
}

async function run(format: string, url: string, env: Record<string, string>): Promise<Outcome> {
  const instrumented = "ASSAY_ENDPOINT" in env;
  const args = [...(instrumented ? ["--import", REGISTER] : []), CHILD, format, url];
  const { stdout, stderr } = await runNode(args, env);
  if (!stdout) throw new Error(`the child printed nothing: ${stderr}`);
  return JSON.parse(stdout) as Outcome;
}

describe.skipIf(!INSTALLED).each(["esm", "cjs"])("%s", (format) => {
  let plain: Outcome;
  let traced: Outcome;
  let spans: SinkSpan[];
  const closers: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    const [sink, server] = await Promise.all([startOtlpSink(), startStoreServer()]);
    closers.push(sink.close, server.close);
    plain = await run(format, server.url, {});
    traced = await run(format, server.url, { ASSAY_ENDPOINT: sink.url, ASSAY_CONTENT: "full" });
    spans = sink.spans;
  });
  afterAll(() => Promise.all(closers.map((close) => close())));

  test("the service sees the same", () => {
    expect(traced.seen).toEqual(plain.seen);
    expect(traced.report).toMatchObject({ errors: 0, warnings: [] });
    expect(Object.keys(plain.seen).toSorted()).toEqual(
      [
        ...new Set(Object.keys(SEARCHES).map((name) => name.replace(/^(concurrent) .*/, "$1"))),
      ].toSorted(),
    );
  });

  test.each(Object.entries(SEARCHES))("%s", (name, search) => {
    const parent = spans.find((span) => span.name === `invoke_agent ${name}`);
    const children = spans.filter((span) => span.parentSpanId === parent?.spanId);
    expect(children.map(({ name: spanName, kind, error }) => ({ spanName, kind, error }))).toEqual([
      { spanName: `retrieval ${search.source}`, kind: 3, error: search.error !== undefined },
    ]);
    expect(children[0]?.attributes).toEqual(attributesOf(name, search));
  });

  test("nothing else", () => {
    expect(spans).toHaveLength(2 * Object.keys(SEARCHES).length);
  });
});
