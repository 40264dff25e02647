import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace";
import { beforeEach, expect, test } from "vitest";
import { drainAll } from "../drain.ts";
import { withContext } from "../llm-context.ts";
import { traceRetriever } from "./trace-retriever.ts";
import { setPrivateProvider } from "../tracing.ts";

const exporter = new InMemorySpanExporter();
setPrivateProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
beforeEach(() => exporter.reset());

function finished(): ReadableSpan[] {
  drainAll();
  return exporter.getFinishedSpans();
}

test("a synchronous function: same this, arguments and result", () => {
  const store = {
    documents: [{ id: "1", score: 0.5, content: "one" }],
    search: traceRetriever(
      function search(this: { documents: unknown[] }, _query: string, limit: number) {
        return this.documents.slice(0, limit);
      } as (query: string, limit: number) => unknown[],
      { topK: (_query, limit) => limit },
    ),
  };
  const found = withContext({ project: "shop" }, () => store.search("trains", 1));
  expect(found).toEqual(store.documents);
  const [span] = finished();
  expect(span?.name).toBe("retrieval search");
  expect(span?.attributes).toMatchObject({
    "gen_ai.operation.name": "retrieval",
    "gen_ai.retrieval.top_k": 1,
    "assay.retrieval.document_count": 1,
    "assay.project": "shop",
    "gen_ai.retrieval.query.text": "trains",
    "gen_ai.retrieval.documents": '[{"id":"1","score":0.5,"content":"one"}]',
  });
});

test("errors are the service's, and the span's", async () => {
  const problem = new RangeError("no store");
  const sync = traceRetriever(() => {
    throw problem;
  });
  const rejected = traceRetriever(() => Promise.reject(problem));
  expect(sync).toThrow(problem);
  await expect(rejected()).rejects.toBe(problem);
  expect(finished().map((span) => span.attributes["error.type"])).toEqual([
    "RangeError",
    "RangeError",
  ]);
});

test("a lazy query is handed over as it is and runs once, when it is awaited", async () => {
  let runs = 0;
  class Query {
    limit(): this {
      return this;
    }
    // oxlint-disable-next-line no-thenable -- what query builders are
    then(
      fulfilled: (rows: unknown[]) => unknown,
      rejected?: (error: unknown) => unknown,
    ): Promise<unknown> {
      runs++;
      return Promise.resolve([{ id: 7 }]).then(fulfilled, rejected);
    }
  }
  const query = traceRetriever(() => new Query(), { name: "sql" })();
  expect(query).toBeInstanceOf(Query);
  expect(runs).toBe(0);
  expect(finished()).toEqual([]);
  expect(await query.limit()).toEqual([{ id: 7 }]);
  expect(runs).toBe(1);
  expect(finished()[0]?.attributes["assay.retrieval.document_count"]).toBe(1);
});

test("a reader of documents that fails costs the documents only", () => {
  const search = traceRetriever(() => ["a"], {
    documents: () => {
      throw new Error("not today");
    },
  });
  expect(search()).toEqual(["a"]);
  expect(finished()).toHaveLength(1);
});
