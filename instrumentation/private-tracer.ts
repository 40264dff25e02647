/**
 * The tracer for services without OpenTelemetry. It is registered nowhere. A child of a span that is not sampled is not
 * either; everything else is.
 */
import { randomFillSync } from "node:crypto";
import {
  context,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  SpanKind,
  trace,
  TraceFlags,
  type Context,
  type Span,
  type SpanContext,
  type SpanOptions,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import type { Scope } from "./ended-span.ts";
import { PrivateSpan, type SpanOrigin } from "./private-span.ts";

type Origin = Omit<SpanOrigin, "scope">;

export class PrivateTracerProvider implements TracerProvider {
  readonly #origin: Origin;

  constructor(origin: Origin) {
    this.#origin = origin;
  }

  getTracer(name: string, version?: string, options?: { schemaUrl?: string }): Tracer {
    const scope: Scope = {
      name,
      ...(version === undefined ? {} : { version }),
      ...(options?.schemaUrl === undefined ? {} : { schemaUrl: options.schemaUrl }),
    };
    const { resource, ended } = this.#origin;
    return new PrivateTracer({ resource, ended, scope });
  }
}

class PrivateTracer implements Tracer {
  readonly #origin: SpanOrigin;

  constructor(origin: SpanOrigin) {
    this.#origin = origin;
  }

  startSpan(name: string, options: SpanOptions = {}, parentContext = context.active()): Span {
    const parent = options.root ? undefined : validParent(parentContext);
    const spanContext: SpanContext = {
      traceId: parent?.traceId ?? randomHex(32),
      spanId: randomHex(16),
      traceFlags: parent ? parent.traceFlags & TraceFlags.SAMPLED : TraceFlags.SAMPLED,
    };
    if (parent?.traceState) spanContext.traceState = parent.traceState;
    if (spanContext.traceFlags === TraceFlags.NONE) return trace.wrapSpanContext(spanContext);
    return new PrivateSpan(this.#origin, {
      context: spanContext,
      parent,
      name,
      kind: options.kind ?? SpanKind.INTERNAL,
      attributes: options.attributes ?? {},
      links: options.links ?? [],
      startTime: options.startTime,
    });
  }

  startActiveSpan<F extends (span: Span) => unknown>(
    name: string,
    ...rest: unknown[]
  ): ReturnType<F> {
    const work = rest.pop() as F;
    const [options, parent] = rest as [SpanOptions?, Context?];
    const parentContext = parent ?? context.active();
    const span = this.startSpan(name, options, parentContext);
    return context.with(trace.setSpan(parentContext, span), () => work(span) as ReturnType<F>);
  }
}

function validParent(parentContext: Context): SpanContext | undefined {
  const parent = trace.getSpanContext(parentContext);
  return parent && parent !== INVALID_SPAN_CONTEXT && isSpanContextValid(parent)
    ? parent
    : undefined;
}

/** Asking for random bytes one id at a time would cost more than the span. */
const bytes = Buffer.allocUnsafeSlow(768);
/** As hex: an id is a slice of it, so it is not long, for who keeps an id keeps all of it. */
let pool = "";
let used = 0;

function randomHex(digits: 16 | 32): string {
  if (used + digits > pool.length) {
    pool = randomFillSync(bytes).toString("hex");
    used = 0;
  }
  used += digits;
  return pool.slice(used - digits, used);
}
