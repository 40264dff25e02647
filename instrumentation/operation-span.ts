/**
 * The life of an operation around models: a retrieval, a tool, an agent. Like a model call it is a span from the moment
 * the service calls until the outcome is known; while it runs only references are noted, and what is to be computed from
 * them is computed later, in drain.ts.
 *
 * An operation ends once, whoever says so first.
 */
import {
  createContextKey,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type SpanKind,
} from "@opentelemetry/api";
import { noteWriter } from "./call-attributes.ts";
import { ContentWriter } from "./content-writer.ts";
import { ATTR } from "./conventions.ts";
import { enqueueFinished } from "./drain.ts";
import { hiddenText, inTurn, visible } from "./guard/hidden-text.ts";
import { stats } from "./health.ts";
import { contextAttributes, currentContext } from "./llm-context.ts";
import { errorType } from "./model-call.ts";
import { runtime } from "./runtime.ts";
import type { ContentMode } from "./settings.ts";
import type { Tracing } from "./tracing.ts";

export interface OperationRequest {
  spanName: string;
  kind: SpanKind;
  /** gen_ai.operation.name; absent for what the conventions have no name for. */
  operation?: string | undefined;
  /** What it is done to: the name of a tool, a store. */
  subject: string;
  attributes: Attributes;
}

/** How it ended. `describe` and `write` run later. */
export interface OperationOutcome {
  /** undefined: it succeeded. */
  error?: unknown;
  /** error.type, where the class of the error does not say it best. */
  errorType?: string | undefined;
  /** Characters of content that `write` holds on to. */
  contentSize: number;
  describe?(attributes: Attributes): void;
  /** What only the content policy lets out. */
  write?(attributes: Attributes, writer: ContentWriter): void;
}

/** The operation that is being done. What is part of it need not be traced once more. */
const CURRENT = createContextKey("assay.operation");

export function enclosingOperation(tracing: Tracing): OperationSpan | undefined {
  return tracing.active().getValue(CURRENT) as OperationSpan | undefined;
}

export class OperationSpan {
  readonly operation: string | undefined;
  readonly subject: string;
  readonly contentMode: ContentMode;
  readonly #tracing: Tracing;
  readonly #span: Span;
  readonly #context: Context;
  /** What a guard around the operation hides. */
  readonly #hidden = hiddenText();
  #ended = false;

  constructor(tracing: Tracing, request: OperationRequest) {
    const llmContext = currentContext();
    const { attributes, operation, subject, kind } = request;
    if (operation !== undefined) attributes[ATTR.operationName] = operation;
    contextAttributes(attributes, llmContext, runtime.settings.project);
    const parent = tracing.active();
    this.operation = operation;
    this.subject = subject;
    this.contentMode = llmContext?.content ?? runtime.settings.content;
    this.#tracing = tracing;
    this.#span = tracing.tracer.startSpan(request.spanName, { kind, attributes }, parent);
    this.#context = trace.setSpan(parent, this.#span).setValue(CURRENT, this);
    stats.spansStarted++;
  }

  /** What `work` starts belongs to this operation. */
  run<T>(work: () => T): T {
    return this.#tracing.run(this.#context, work);
  }

  describe(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  event(name: string, attributes: Attributes): void {
    this.#span.addEvent(name, attributes);
  }

  end(outcome: OperationOutcome): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#span.isRecording()) return;
    const endedAt = performance.now();
    enqueueFinished({
      contentSize: this.contentMode === "off" ? 0 : outcome.contentSize,
      finish: (withContent) => this.#finish(outcome, endedAt, withContent),
    });
  }

  #finish(outcome: OperationOutcome, endedAt: number, withContent: boolean): void {
    const attributes: Attributes = {};
    try {
      if (outcome.error !== undefined) this.#markError(attributes, outcome);
      outcome.describe?.(attributes);
      if (this.contentMode !== "off" && withContent) this.#write(attributes, outcome);
      else if (!withContent) attributes[ATTR.assayContentDropped] = true;
    } finally {
      this.#span.setAttributes(attributes);
      // Milliseconds of performance.now(), which the SDK tells from those of Date.now().
      this.#span.end(endedAt);
    }
  }

  #markError(attributes: Attributes, outcome: OperationOutcome): void {
    attributes[ATTR.errorType] = outcome.errorType ?? errorType(outcome.error);
    // The message may repeat what was asked: it is content.
    const message = outcome.error instanceof Error ? outcome.error.message.slice(0, 1_024) : "";
    this.#span.setStatus({
      code: SpanStatusCode.ERROR,
      message: runtime.redact(visible(message, this.#hidden)),
    });
  }

  #write(attributes: Attributes, outcome: OperationOutcome): void {
    const writer = new ContentWriter(
      inTurn(this.#hidden, this.contentMode === "redacted" ? runtime.redactor() : undefined),
    );
    outcome.write?.(attributes, writer);
    noteWriter(attributes, writer);
  }
}
