/** Tracing what a service looks up before it asks a model: one `retrieval` span per call. */
import {
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
} from "@opentelemetry/api";
import { onAbandoned } from "./abandoned.ts";
import { noteWriter } from "./call-attributes.ts";
import { ContentWriter } from "./content-writer.ts";
import { ATTR } from "./conventions.ts";
import { enqueueFinished } from "./drain.ts";
import { countError, guarded, stats } from "./health.ts";
import { contextAttributes, currentContext } from "./llm-context.ts";
import { errorType } from "./model-call.ts";
import { runtime } from "./runtime.ts";
import type { ContentMode } from "./settings.ts";
import { currentTracing, type Tracing } from "./tracing.ts";
import { fields, list, text } from "./untyped.ts";

export interface RetrievedDocument {
  id?: string;
  score?: number;
  content?: string;
  metadata?: Record<string, unknown>;
}

export interface RetrieverOptions<Args extends unknown[], Result> {
  /** What is searched: names the span. @default the function's name */
  name?: string;
  /** The store, such as `qdrant` or `pgvector`. */
  provider?: string;
  embeddingModel?: string;
  /** @default the first argument when it is a string */
  query?: (...args: Args) => string | undefined;
  topK?: number | ((...args: Args) => number | undefined);
  /** @default the result, its `documents`, `matches`, `results` or `hits`, where that is an array */
  documents?: (result: Awaited<Result>) => readonly RetrievedDocument[];
}

/** Characters of one document that are kept, and how many documents. */
const DOCUMENT_LIMIT = 2_048;
const DOCUMENTS_LIMIT = 64;

/**
 * A function that does what `fn` does, with the same `this`, arguments, result and errors, and is traced.
 * @example const search = traceRetriever(store.search.bind(store), { name: "handbook", topK: 5 })
 */
export function traceRetriever<Args extends unknown[], Result>(
  fn: (...args: Args) => Result,
  options: RetrieverOptions<Args, Result> = {},
): (...args: Args) => Result {
  return function (this: unknown, ...args: Args): Result {
    const retrieval = startRetrieval(options, fn.name, args);
    if (!retrieval) return Reflect.apply(fn, this, args) as Result;
    try {
      const result = retrieval.run(() => Reflect.apply(fn, this, args) as Result);
      return retrieval.observe(result);
    } catch (error) {
      retrieval.end(undefined, error);
      throw error;
    }
  };
}

function startRetrieval<Args extends unknown[], Result>(
  options: RetrieverOptions<Args, Result>,
  fnName: string,
  args: Args,
): Retrieval<Result> | undefined {
  try {
    const tracing = currentTracing();
    if (!tracing) return undefined;
    const name = options.name ?? (fnName || "retriever");
    const topK = typeof options.topK === "function" ? options.topK(...args) : options.topK;
    const attributes: Attributes = { [ATTR.operationName]: "retrieval", [ATTR.dataSourceId]: name };
    if (options.provider) attributes[ATTR.providerName] = options.provider;
    if (options.embeddingModel) attributes[ATTR.requestModel] = options.embeddingModel;
    if (topK !== undefined) {
      attributes[ATTR.retrievalTopK] = topK;
      attributes[ATTR.requestTopK] = topK;
    }
    const query = options.query ? options.query(...args) : text(args[0]);
    return new Retrieval(tracing, name, attributes, query, options.documents);
  } catch (error) {
    countError("starting a retrieval", error);
    return undefined;
  }
}

class Retrieval<Result> {
  readonly #tracing: Tracing;
  readonly #span: Span;
  readonly #context: Context;
  readonly #query: string | undefined;
  readonly #documents: ((result: Awaited<Result>) => readonly RetrievedDocument[]) | undefined;
  readonly #contentMode: ContentMode;
  #ended = false;

  constructor(
    tracing: Tracing,
    name: string,
    attributes: Attributes,
    query: string | undefined,
    documents: ((result: Awaited<Result>) => readonly RetrievedDocument[]) | undefined,
  ) {
    const llmContext = currentContext();
    contextAttributes(attributes, llmContext, runtime.settings.project);
    const parent = tracing.active();
    this.#tracing = tracing;
    this.#span = tracing.tracer.startSpan(
      `retrieval ${name}`,
      { kind: SpanKind.CLIENT, attributes },
      parent,
    );
    this.#context = trace.setSpan(parent, this.#span);
    this.#query = query;
    this.#documents = documents;
    this.#contentMode = llmContext?.content ?? runtime.settings.content;
    stats.spansStarted++;
  }

  run<T>(work: () => T): T {
    return this.#tracing.run(this.#context, work);
  }

  /**
   * A plain promise is passed on as one that settles the same way. Any other thenable (a query builder, an APIPromise)
   * runs when it is awaited and has methods of its own: the service gets the very object, with its `then` watched.
   */
  observe(result: Result): Result {
    if (result instanceof Promise && result.constructor === Promise)
      return result.then(...this.#outcome<Awaited<Result>>()) as Result;
    const then: unknown =
      typeof result === "object" && result !== null ? Reflect.get(result, "then") : undefined;
    if (typeof then === "function") this.#watchThen(result as object, then as Then);
    else this.end(result as Awaited<Result>, undefined);
    return result;
  }

  #outcome<T extends Awaited<Result>>(): [(value: T) => T, (error: unknown) => never] {
    return [
      (value) => {
        this.end(value, undefined);
        return value;
      },
      (error) => {
        this.end(undefined, error ?? new Error("unknown error"));
        throw error;
      },
    ];
  }

  #watchThen(thenable: object, original: Then): void {
    const [onValue, onError] = this.#outcome();
    const then = function (this: unknown, fulfilled?: unknown, rejected?: unknown): unknown {
      return original.call(
        this,
        (value: never) => call(fulfilled, onValue(value)),
        (error: unknown) => {
          if (typeof rejected !== "function") return onError(error);
          guarded("ending a retrieval", () => quietly(onError, error));
          return Reflect.apply(rejected, undefined, [error]) as unknown;
        },
      );
    };
    // oxlint-disable-next-line no-thenable -- it has a then already; this one stands before it
    Object.defineProperty(thenable, "then", { value: then, configurable: true, writable: true });
    onAbandoned(thenable, { abandon: () => this.end(undefined, undefined) });
  }

  end(result: Awaited<Result> | undefined, error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const endedAt = performance.now();
    const documents =
      result === undefined ? undefined : guarded("reading documents", () => this.#read(result));
    enqueueFinished({
      contentSize: this.#contentMode === "off" ? 0 : sizeOf(documents, this.#query),
      finish: (withContent) => this.#finish(documents, error, endedAt, withContent),
    });
  }

  #read(result: Awaited<Result>): readonly unknown[] {
    return this.#documents ? this.#documents(result) : guessDocuments(result);
  }

  #finish(
    documents: readonly unknown[] | undefined,
    error: unknown,
    endedAt: number,
    withContent: boolean,
  ): void {
    const attributes: Attributes = {};
    try {
      if (documents) attributes[ATTR.assayDocumentCount] = documents.length;
      if (error !== undefined) {
        attributes[ATTR.errorType] = errorType(error);
        const message = error instanceof Error ? error.message.slice(0, 1_024) : "";
        this.#span.setStatus({ code: SpanStatusCode.ERROR, message: runtime.redact(message) });
      }
      if (this.#contentMode !== "off" && withContent) this.#writeContent(attributes, documents);
      else if (!withContent) attributes[ATTR.assayContentDropped] = true;
      this.#span.setAttributes(attributes);
    } finally {
      this.#span.end(endedAt);
    }
  }

  #writeContent(attributes: Attributes, documents: readonly unknown[] | undefined): void {
    const writer = new ContentWriter(
      this.#contentMode === "redacted" ? runtime.redactor() : undefined,
    );
    if (this.#query !== undefined) attributes[ATTR.retrievalQuery] = writer.text(this.#query);
    if (documents)
      attributes[ATTR.retrievalDocuments] = JSON.stringify(
        documents.slice(0, DOCUMENTS_LIMIT).map((document) => writeDocument(document, writer)),
      );
    noteWriter(attributes, writer);
  }
}

type Then = (this: unknown, fulfilled: unknown, rejected: unknown) => unknown;

function call(fulfilled: unknown, value: unknown): unknown {
  return typeof fulfilled === "function"
    ? (Reflect.apply(fulfilled, undefined, [value]) as unknown)
    : value;
}

function quietly(onError: (error: unknown) => never, error: unknown): void {
  try {
    onError(error);
  } catch {
    // It rethrows what it was given, which goes to the service's own handler next.
  }
}

function writeDocument(value: unknown, writer: ContentWriter): Record<string, unknown> {
  if (typeof value === "string") return { content: writer.text(value, DOCUMENT_LIMIT) };
  const document = fields(value) ?? {};
  const content =
    text(document["content"]) ?? text(document["text"]) ?? text(document["pageContent"]);
  const written: Record<string, unknown> = {};
  const id = document["id"];
  if (typeof id === "string" || typeof id === "number") written["id"] = String(id);
  if (typeof document["score"] === "number") written["score"] = document["score"];
  if (content !== undefined) written["content"] = writer.text(content, DOCUMENT_LIMIT);
  if (document["metadata"] !== undefined) written["metadata"] = writer.json(document["metadata"]);
  return written;
}

function guessDocuments(result: unknown): readonly unknown[] {
  if (Array.isArray(result)) return result;
  const holder = fields(result);
  for (const name of ["documents", "matches", "results", "hits"])
    if (Array.isArray(holder?.[name])) return list(holder[name]);
  return [];
}

function sizeOf(documents: readonly unknown[] | undefined, query: string | undefined): number {
  return (query?.length ?? 0) + Math.min(documents?.length ?? 0, DOCUMENTS_LIMIT) * DOCUMENT_LIMIT;
}
