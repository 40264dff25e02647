/**
 * The span of one search: what was asked of which store, and what it found. A search inside a search (a vector store
 * that a retriever asks, a database that the store asks) is part of it: one span, the outer's. A tool or an agent in
 * between starts anew.
 */
import { SpanKind, type Attributes } from "@opentelemetry/api";
import { ATTR } from "../conventions.ts";
import { countError, guarded } from "../health.ts";
import { observeResult } from "../observe-result.ts";
import { enclosingOperation, OperationSpan } from "../operation-span.ts";
import type { ServerAddress } from "../providers.ts";
import type { ContentMode } from "../settings.ts";
import { currentTracing } from "../tracing.ts";
import { documentsSize, guessDocuments, writeDocuments } from "./documents.ts";

export interface RetrievalRequest {
  /** What is searched, a collection, an index, a table: names the span. */
  source: string;
  /** The store, such as `qdrant` or `pgvector`. */
  provider?: string | undefined;
  /** The part of the store that is searched: a namespace, a database. */
  namespace?: string | undefined;
  embeddingModel?: string | undefined;
  topK?: number | undefined;
  /** What was asked, as text. Query vectors are never kept. */
  query?: string | undefined;
  server?: Pick<ServerAddress, "address" | "port"> | undefined;
  /** What else is known, and is no content. */
  attributes?: Attributes | undefined;
  /** A statement in the store's language, shown as the content policy says. */
  statement?: ((mode: ContentMode) => string) | undefined;
  /** error.type, where the class of the error does not say it best. */
  errorType?: ((error: unknown) => string | undefined) | undefined;
  /** Picks what was found from the result. @default the result, or the array in it */
  documents?: ((result: unknown) => readonly unknown[]) | undefined;
}

/** undefined: not traced. Errors of ours end here. */
export function startRetrieval(read: () => RetrievalRequest | undefined): Retrieval | undefined {
  try {
    const tracing = currentTracing();
    if (!tracing || enclosingOperation(tracing)?.operation === "retrieval") return undefined;
    const request = read();
    if (!request) return undefined;
    const span = new OperationSpan(tracing, {
      spanName: `retrieval ${request.source}`,
      kind: SpanKind.CLIENT,
      operation: "retrieval",
      subject: request.source,
      attributes: requestAttributes(request),
    });
    return new Retrieval(span, request);
  } catch (error) {
    countError("starting a retrieval", error);
    return undefined;
  }
}

function requestAttributes(request: RetrievalRequest): Attributes {
  const attributes: Attributes = { ...request.attributes, [ATTR.dataSourceId]: request.source };
  if (request.provider) attributes[ATTR.providerName] = request.provider;
  if (request.namespace) attributes[ATTR.dbNamespace] = request.namespace;
  if (request.embeddingModel) attributes[ATTR.requestModel] = request.embeddingModel;
  if (request.topK !== undefined) {
    attributes[ATTR.retrievalTopK] = request.topK;
    attributes[ATTR.requestTopK] = request.topK;
  }
  if (request.server?.address) attributes[ATTR.serverAddress] = request.server.address;
  if (request.server?.port !== undefined) attributes[ATTR.serverPort] = request.server.port;
  return attributes;
}

export class Retrieval {
  readonly #span: OperationSpan;
  readonly #request: RetrievalRequest;

  constructor(span: OperationSpan, request: RetrievalRequest) {
    this.#span = span;
    this.#request = request;
  }

  /** Calls what searches, and sees its outcome: a value, a promise, a lazy query. Returns what it returned. */
  observe<Result>(search: () => Result): Result {
    let result: Result;
    try {
      result = this.#span.run(search);
    } catch (error) {
      this.fail(error);
      throw error;
    }
    return observeResult(result, this);
  }

  run<T>(work: () => T): T {
    return this.#span.run(work);
  }

  succeed(result: unknown): void {
    const pick = this.#request.documents ?? guessDocuments;
    this.found(guarded("reading documents", () => pick(result)));
  }

  /** @param documents undefined when they were never seen; `count` where they were only counted */
  found(documents: readonly unknown[] | undefined, count = documents?.length): void {
    this.#end(documents, count, undefined);
  }

  fail(error: unknown): void {
    this.#end(undefined, undefined, error ?? new Error("unknown error"));
  }

  /** What is known only now, such as which server it is. */
  describe(attributes: Attributes): void {
    this.#span.describe(attributes);
  }

  abandon(): void {
    this.#end(undefined, undefined, undefined);
  }

  #end(documents: readonly unknown[] | undefined, count: number | undefined, error: unknown): void {
    const { query, statement, errorType } = this.#request;
    this.#span.end({
      error,
      errorType: error === undefined ? undefined : errorType?.(error),
      contentSize: (query?.length ?? 0) + documentsSize(documents),
      describe: (attributes) => {
        if (count !== undefined) attributes[ATTR.assayDocumentCount] = count;
      },
      write: (attributes, writer) => {
        if (query !== undefined) attributes[ATTR.retrievalQuery] = writer.text(query);
        if (documents) attributes[ATTR.retrievalDocuments] = writeDocuments(documents, writer);
        if (statement)
          attributes[ATTR.dbQueryText] = writer.text(statement(this.#span.contentMode));
      },
    });
  }
}
