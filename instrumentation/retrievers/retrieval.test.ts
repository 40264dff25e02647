import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace";
import { beforeEach, expect, test } from "vitest";
import { drainAll } from "../drain.ts";
import { withContext } from "../llm-context.ts";
import { traceTool } from "../tools/trace-tool.ts";
import { setPrivateProvider } from "../tracing.ts";
import { instrumentRetriever } from "./instrument-retriever.ts";
import { startRetrieval } from "./retrieval.ts";
import { traceRetriever } from "./trace-retriever.ts";

const exporter = new InMemorySpanExporter();
setPrivateProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
beforeEach(() => exporter.reset());

function finished(): ReadableSpan[] {
  drainAll();
  return exporter.getFinishedSpans();
}

test("a search inside a search is part of it; one in a tool is one of its own", async () => {
  const inner = traceRetriever(() => ["a"], { name: "inner" });
  const outer = traceRetriever(async () => inner(), { name: "outer" });
  const viaTool = traceRetriever(
    traceTool("look", () => inner()),
    { name: "via a tool" },
  );
  await outer();
  viaTool();
  expect(finished().map((span) => span.name)).toEqual([
    "retrieval outer",
    "retrieval inner",
    "execute_tool look",
    "retrieval via a tool",
  ]);
});

test.each(["off", "redacted", "full"] as const)("content %s", (content) => {
  const found = [{ id: "1", score: 0.5, content: "ask ann@example.org", metadata: { page: 1 } }];
  withContext({ content }, () =>
    traceRetriever((_query: string) => found, { name: "notes" })("who is ann@example.org"),
  );
  const [span] = finished();
  const address = content === "full" ? "ann@example.org" : "[email]";
  expect(span?.attributes["assay.retrieval.document_count"]).toBe(1);
  expect(span?.attributes["gen_ai.retrieval.query.text"]).toBe(
    content === "off" ? undefined : `who is ${address}`,
  );
  expect(span?.attributes["gen_ai.retrieval.documents"]).toBe(
    content === "off"
      ? undefined
      : `[{"id":"1","score":0.5,"content":"ask ${address}","metadata":{"page":1}}]`,
  );
});

test("documents in the forms that stores and libraries give them", () => {
  const forms = [
    "only text",
    { pageContent: "LangChain's", metadata: { source: "a.md", loc: { lines: [1, 2] } } },
    [{ pageContent: "with a score", id: "x", metadata: {} }, 0.25],
    { id: 7, score: 0.5, payload: { text: "Qdrant's", page: 3 } },
    { _id: "p", _score: 0.75, fields: { chunk_text: "Pinecone's" } },
    { id: 9n, similarity: 0.5, embedding: Array.from({ length: 99 }, () => 1) },
    42,
  ];
  startRetrieval(() => ({ source: "forms" }))?.found(forms);
  expect(JSON.parse(String(finished()[0]?.attributes["gen_ai.retrieval.documents"]))).toEqual([
    { content: "only text" },
    { content: "LangChain's", metadata: { source: "a.md", loc: { lines: [1, 2] } } },
    { id: "x", score: 0.25, content: "with a score" },
    { id: "7", score: 0.5, content: "Qdrant's", metadata: { page: 3 } },
    { id: "p", score: 0.75, content: "Pinecone's" },
    { id: "9", score: 0.5 },
    {},
  ]);
});

test("many and long documents are cut, and counted whole", () => {
  const found = Array.from({ length: 1_000 }, (_, id) => ({ id, content: "x".repeat(5_000) }));
  traceRetriever(() => found, { name: "long" })();
  const attributes = finished()[0]?.attributes;
  expect(attributes?.["assay.retrieval.document_count"]).toBe(1_000);
  const kept = JSON.parse(String(attributes?.["gen_ai.retrieval.documents"])) as unknown[];
  expect(kept).toHaveLength(64);
  expect(attributes?.["assay.content.truncated"]).toBe(64);
});

test("instrumentRetriever takes what it knows, and leaves the rest", async () => {
  class QdrantClient {
    readonly #secret = "kept";
    readonly _restUri = "http://127.0.0.1:6333";
    getCollections(): void {}
    async query(_collection: string, { limit }: { limit: number }) {
      return { points: [{ id: this.#secret, score: limit }] };
    }
  }
  const client = new QdrantClient();
  expect(instrumentRetriever(instrumentRetriever(client))).toBe(client);
  expect(await client.query("c", { limit: 2 })).toEqual({ points: [{ id: "kept", score: 2 }] });
  expect(finished().map((span) => span.attributes)).toMatchObject([
    { "gen_ai.data_source.id": "c", "gen_ai.retrieval.top_k": 2, "server.port": 6333 },
  ]);
  const unknown = Object.freeze({ query: () => 1 });
  expect(instrumentRetriever(unknown)).toBe(unknown);
});
