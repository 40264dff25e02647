/**
 * A span of the private pipeline: what the OpenTelemetry API asks of a span, and nothing more. The SDK's own takes about
 * twice as long for it (docs/overhead.md), because it serves samplers, limits and processors that are not here: the
 * attributes are ours, few, and of the right types, and the one who takes the ended span is known.
 */
import {
  SpanStatusCode,
  type Attributes,
  type AttributeValue,
  type Exception,
  type HrTime,
  type Link,
  type Span,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  type TimeInput,
} from "@opentelemetry/api";
import type { EndedSpan, Resource, Scope, TimedEvent } from "./ended-span.ts";

/** As in the SDK: what comes after so many is counted and left out. */
const MAX_EVENTS = 128;
const MAX_LINKS = 128;

/** What the spans of a tracer have in common. */
export interface SpanOrigin {
  readonly resource: Resource;
  readonly scope: Scope;
  ended(span: EndedSpan): void;
}

export interface SpanStart {
  context: SpanContext;
  parent: SpanContext | undefined;
  name: string;
  kind: SpanKind;
  /** Is the span's from now on. */
  attributes: Attributes;
  links: Link[];
  startTime: TimeInput | undefined;
}

export class PrivateSpan implements Span, EndedSpan {
  readonly #origin: SpanOrigin;
  readonly #context: SpanContext;
  /** Added to performance.now() gives Unix milliseconds; taken anew for each span, because clocks are set. */
  readonly #clockOffset: number;
  name: string;
  readonly kind: SpanKind;
  readonly parentSpanContext?: SpanContext;
  readonly startTime: HrTime;
  endTime: HrTime = [0, 0];
  status: SpanStatus = { code: SpanStatusCode.UNSET };
  readonly attributes: Attributes;
  readonly links: Link[];
  events: TimedEvent[] = [];
  ended = false;
  readonly droppedAttributesCount = 0;
  droppedEventsCount = 0;
  droppedLinksCount = 0;

  constructor(origin: SpanOrigin, start: SpanStart) {
    this.#origin = origin;
    this.#context = start.context;
    const now = Date.now();
    this.#clockOffset = now - performance.now();
    this.name = start.name;
    this.kind = start.kind;
    if (start.parent) this.parentSpanContext = start.parent;
    this.attributes = start.attributes;
    this.links = start.links;
    this.startTime = start.startTime === undefined ? hrTime(now) : this.#time(start.startTime);
  }

  get resource(): Resource {
    return this.#origin.resource;
  }

  get instrumentationScope(): Scope {
    return this.#origin.scope;
  }

  get duration(): HrTime {
    const [seconds, nanos] = this.endTime;
    const [startSeconds, startNanos] = this.startTime;
    const difference = nanos - startNanos;
    return difference < 0
      ? [seconds - startSeconds - 1, difference + 1e9]
      : [seconds - startSeconds, difference];
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  isRecording(): boolean {
    return !this.ended;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (!this.ended) this.attributes[key] = value;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    if (this.ended) return this;
    for (const key in attributes) this.attributes[key] = attributes[key];
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (this.ended) return this;
    if (this.events.length >= MAX_EVENTS) {
      this.droppedEventsCount++;
      return this;
    }
    const isTime = isTimeInput(attributesOrTime);
    this.events.push({
      name,
      time: this.#time(time ?? (isTime ? attributesOrTime : undefined)),
      ...(isTime || !attributesOrTime ? {} : { attributes: { ...attributesOrTime } }),
    });
    return this;
  }

  addLink(link: Link): this {
    if (this.ended) return this;
    if (this.links.length >= MAX_LINKS) this.droppedLinksCount++;
    else this.links.push(link);
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  /** As the specification says: unset never replaces, and ok is final. */
  setStatus(status: SpanStatus): this {
    if (this.ended || status.code === SpanStatusCode.UNSET) return this;
    if (this.status.code === SpanStatusCode.OK) return this;
    const { code, message } = status;
    this.status =
      code === SpanStatusCode.ERROR && message !== undefined ? { code, message } : { code };
    return this;
  }

  updateName(name: string): this {
    if (!this.ended) this.name = name;
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const error = typeof exception === "string" ? { message: exception } : exception;
    const type = error.code === undefined ? error.name : String(error.code);
    this.addEvent(
      "exception",
      {
        ...(type === undefined ? {} : { "exception.type": type }),
        ...(error.message === undefined ? {} : { "exception.message": error.message }),
        ...(error.stack === undefined ? {} : { "exception.stacktrace": error.stack }),
      },
      time,
    );
  }

  /** A second end is one too many: the first holds. */
  end(endTime?: TimeInput): void {
    if (this.ended) return;
    const ended = this.#time(endTime);
    this.endTime = isBefore(ended, this.startTime) ? this.startTime : ended;
    this.ended = true;
    this.#origin.ended(this);
  }

  /** A number below performance.now() is one of its milliseconds, any other one of the Unix clock's; as in the SDK. */
  #time(time: TimeInput | undefined): HrTime {
    if (Array.isArray(time)) return time;
    if (time instanceof Date) return hrTime(time.getTime());
    const now = performance.now();
    if (time === undefined) return hrTime(now + this.#clockOffset);
    return hrTime(time <= now ? time + this.#clockOffset : time);
  }
}

function isBefore([seconds, nanos]: HrTime, [otherSeconds, otherNanos]: HrTime): boolean {
  return seconds === otherSeconds ? nanos < otherNanos : seconds < otherSeconds;
}

function hrTime(unixMs: number): HrTime {
  const seconds = Math.trunc(unixMs / 1_000);
  const nanos = Math.round((unixMs - seconds * 1_000) * 1e6);
  return nanos >= 1e9 ? [seconds + 1, nanos - 1e9] : [seconds, nanos];
}

function isTimeInput(value: unknown): value is TimeInput {
  return typeof value === "number" || value instanceof Date || Array.isArray(value);
}
