/**
 * The life of one call to a model: a span from the moment the service calls until the answer, the error or the end of
 * the stream. `start…` and the methods run inside the service's call and only note references and times; what is to be
 * computed from them is computed later, in drain.ts.
 *
 * A call ends once, whoever says so first.
 */
import {
  createContextKey,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type SpanOptions,
} from "@opentelemetry/api";
import { replyAttributes, type FinishedRequest } from "./call-attributes.ts";
import { type CanonicalJson, usingCanonicalJson } from "./canonical-json.ts";
import { ATTR } from "./conventions.ts";
import type { Dialect, Reply } from "./dialect.ts";
import { enqueueFinished } from "./drain.ts";
import { isForeignModelCall } from "./foreign-call.ts";
import { hiddenText } from "./guard/hidden-text.ts";
import { countError, guarded, stats } from "./health.ts";
import { contextAttributes, currentContext } from "./llm-context.ts";
import { areMetricsWanted, recordCall } from "./metrics.ts";
import type { ServerAddress } from "./providers.ts";
import { runtime, textOutside } from "./runtime.ts";
import { currentTracing, type Tracing } from "./tracing.ts";
import { text, type Fields } from "./untyped.ts";

export interface CallRequest {
  dialect: Dialect;
  body: Fields;
  server: ServerAddress;
}

/** Marks the context of a call: an SDK that uses another one, or fetch(), makes one call and not two. The outer counts. */
const INSIDE = createContextKey("assay.model-call");

export function isInsideModelCall(context: Context): boolean {
  return context.getValue(INSIDE) === true;
}

interface Finish {
  reply: Reply | undefined;
  error: unknown;
  endedAt: number;
  withContent: boolean;
  json: CanonicalJson;
}

type Listener = (context: Context) => void;

const listeners: Listener[] = [];

/** Tells of every call that is traced, with the context that it was made in. */
export function onModelCall(listener: Listener): void {
  listeners.push(listener);
}

/**
 * undefined: this call is not traced, or is part of one that is. Errors of ours end here.
 * @param startedAt of performance.now(). @default now
 */
export function startModelCall(request: CallRequest, startedAt?: number): ModelCall | undefined {
  try {
    const tracing = currentTracing();
    if (!tracing) return undefined;
    const parent = tracing.active();
    if (isInsideModelCall(parent)) return undefined;
    if (tracing.mode === "global" && isForeignModelCall(trace.getSpan(parent))) return undefined;
    for (const listener of listeners) listener(parent);
    return new ModelCall(tracing, request, startedAt);
  } catch (error) {
    countError("starting a span", error);
    return undefined;
  }
}

export class ModelCall {
  readonly #tracing: Tracing;
  readonly #context: Context;
  readonly #span: Span;
  readonly #request: FinishedRequest;
  readonly #startedAt: number;
  #firstChunkAt: number | undefined;
  #ended = false;

  constructor(tracing: Tracing, { dialect, body, server }: CallRequest, startedAt?: number) {
    const now = performance.now();
    this.#startedAt = startedAt ?? now;
    const llmContext = currentContext();
    const model = dialect.model?.(body) ?? text(body["model"]) ?? "";
    const attributes = dialect.request(body);
    attributes[ATTR.operationName] = dialect.operation;
    attributes[ATTR.providerName] = server.provider;
    attributes[ATTR.requestModel] = model;
    if (server.address) attributes[ATTR.serverAddress] = server.address;
    if (server.port !== undefined) attributes[ATTR.serverPort] = server.port;
    contextAttributes(attributes, llmContext, runtime.settings.project);

    const parent = tracing.active();
    this.#tracing = tracing;
    const options: SpanOptions = { kind: SpanKind.CLIENT, attributes };
    if (startedAt !== undefined) options.startTime = startedAt;
    this.#span = tracing.tracer.startSpan(`${dialect.operation} ${model}`, options, parent);
    this.#context = trace.setSpan(parent, this.#span).setValue(INSIDE, true);
    this.#request = {
      dialect,
      body,
      provider: server.provider,
      model,
      content: dialect.content(body),
      streamed: attributes[ATTR.requestStream] === true,
      attributes,
      contentMode: llmContext?.content ?? runtime.settings.content,
      reference: llmContext?.reference,
      hidden: hiddenText(),
      startedAtUnixMs: Date.now() - (now - this.#startedAt),
      encodedAtOnce: tracing.encodesAtOnce,
    };
    stats.spansStarted++;
  }

  get dialect(): Dialect {
    return this.#request.dialect;
  }

  run<T>(work: () => T): T {
    return this.#tracing.run(this.#context, work);
  }

  /** What is known only now, such as which server it is. */
  describe(attributes: Attributes): void {
    if (!this.#ended) this.#span.setAttributes(attributes);
  }

  firstChunk(): void {
    this.#firstChunkAt ??= performance.now();
  }

  succeed(reply: Reply): void {
    this.#end(reply, undefined);
  }

  /** @param reply what had come before the error */
  fail(error: unknown, reply?: Reply): void {
    this.#end(reply, error ?? new Error("unknown error"));
  }

  /** The answer went somewhere that we do not see; the call itself is over. */
  finishUnseen(): void {
    this.#end(undefined, undefined);
  }

  /** The service neither finished nor closed the stream. */
  abandon(reply: Reply): void {
    if (this.#ended) return;
    stats.streamsAbandoned++;
    this.#span.setAttribute(ATTR.assayStreamAbandoned, true);
    this.#end(reply, undefined);
  }

  #end(reply: Reply | undefined, error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const isRecording = this.#span.isRecording();
    const isMeasured = areMetricsWanted();
    if (!isRecording && !isMeasured) return;
    const endedAt = performance.now();
    const captures = isRecording && this.#request.contentMode !== "off";
    enqueueFinished({
      contentSize: captures ? this.#request.content.size + (reply?.outputSize ?? 0) : 0,
      finish: (withContent) => {
        if (isMeasured) guarded("recording metrics", () => this.#measure(reply, error, endedAt));
        if (isRecording)
          usingCanonicalJson((json) => this.#finish({ reply, error, endedAt, withContent, json }));
      },
    });
  }

  #measure(reply: Reply | undefined, error: unknown, endedAt: number): void {
    const answer: Attributes = {};
    const failure = failureOf(reply, error);
    if (reply?.model) answer[ATTR.responseModel] = reply.model;
    if (failure !== undefined) answer[ATTR.errorType] = failure;
    recordCall({
      attributes: [this.#request.attributes, answer],
      durationMs: endedAt - this.#startedAt,
      timeToFirstChunkMs:
        this.#firstChunkAt === undefined ? undefined : this.#firstChunkAt - this.#startedAt,
      usage: reply?.usage,
    });
  }

  #finish({ reply, error, endedAt, withContent, json }: Finish): void {
    const span = this.#span;
    try {
      const attributes = replyAttributes(this.#request, reply, withContent, json);
      if (this.#firstChunkAt !== undefined)
        attributes[ATTR.responseTimeToFirstChunk] = (this.#firstChunkAt - this.#startedAt) / 1000;
      this.#markError(attributes, error, reply);
      span.setAttributes(attributes);
    } finally {
      // Milliseconds of performance.now(), which the SDK tells from those of Date.now().
      span.end(endedAt);
    }
  }

  #markError(attributes: Attributes, error: unknown, reply: Reply | undefined): void {
    const type = failureOf(reply, error);
    if (type === undefined) return;
    attributes[ATTR.errorType] = type;
    const said = error instanceof Error ? error.message.slice(0, 1_024) : type;
    const message = textOutside(said, this.#request.contentMode, this.#request.hidden);
    this.#span.setStatus({
      code: SpanStatusCode.ERROR,
      ...(message === undefined ? {} : { message }),
    });
  }
}

/** error.type; undefined: it did not fail. */
function failureOf(reply: Reply | undefined, error: unknown): string | undefined {
  return error === undefined ? reply?.failure : errorType(error);
}

/** The HTTP status where the API answered, else the class of the error, or the name where it has none of its own. */
export function errorType(error: unknown): string {
  if (typeof error !== "object" || error === null) return "_OTHER";
  const status: unknown = Reflect.get(error, "status");
  if (typeof status === "number") return String(status);
  const name = error.constructor?.name;
  return (name === "Error" && "name" in error ? String(error.name) : name) || "_OTHER";
}
