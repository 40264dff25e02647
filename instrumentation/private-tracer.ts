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
      traceId: parent?.traceId ?? randomHex(16),
      spanId: randomHex(8),
      traceFlags: parent ? parent.traceFlags & TraceFlags.SAMPLED : TraceFlags.SAMPLED,
      ...(parent?.traceState ? { traceState: parent.traceState } : {}),
    };
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
const pool = Buffer.allocUnsafeSlow(6_144);
let used = pool.length;

function randomHex(bytes: 8 | 16): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString("hex", used - bytes, used);
}
