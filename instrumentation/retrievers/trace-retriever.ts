/** Tracing a search that the service wrote itself: one `retrieval` span per call. */
import { text } from "../untyped.ts";
import type { RetrievedDocument } from "./documents.ts";
import { startRetrieval, type RetrievalRequest } from "./retrieval.ts";

export interface RetrieverOptions<Args extends unknown[], Result> {
  /** What is searched: names the span. @default the function's name */
  name?: string;
  /** The store, such as `qdrant` or `pgvector`. */
  provider?: string;
  embeddingModel?: string;
  /** @default the first argument when it is a string */
  query?: (...args: Args) => string | undefined;
  topK?: number | ((...args: Args) => number | undefined);
  /** @default the result, its `documents`, `matches`, `results`, `hits`, `points` or `rows`, where that is an array */
  documents?: (result: Awaited<Result>) => readonly RetrievedDocument[];
}

/**
 * A function that does what `fn` does, with the same `this`, arguments, result and errors, and is traced.
 * @example const search = traceRetriever(store.search.bind(store), { name: "handbook", topK: 5 })
 */
export function traceRetriever<Args extends unknown[], Result>(
  fn: (...args: Args) => Result,
  options: RetrieverOptions<Args, Result> = {},
): (...args: Args) => Result {
  return function (this: unknown, ...args: Args): Result {
    const search = (): Result => Reflect.apply(fn, this, args) as Result;
    const retrieval = startRetrieval(() => requestOf(options, fn.name, args));
    return retrieval ? retrieval.observe(search) : search();
  };
}

function requestOf<Args extends unknown[], Result>(
  options: RetrieverOptions<Args, Result>,
  fnName: string,
  args: Args,
): RetrievalRequest {
  return {
    source: options.name ?? (fnName || "retriever"),
    provider: options.provider,
    embeddingModel: options.embeddingModel,
    topK: typeof options.topK === "function" ? options.topK(...args) : options.topK,
    query: options.query ? options.query(...args) : text(args[0]),
    documents: options.documents as RetrievalRequest["documents"],
  };
}
