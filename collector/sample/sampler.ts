/**
 * Decides which spans of a request are stored, from the request alone.
 *
 * A trace is kept whole when the request shows that it matters: one of its spans is a call to a model, a retrieval, a
 * tool or an agent, or failed, or is a slow root. Every other trace is kept with a probability, by its id. Nothing is
 * remembered between requests, so the same request always gets the same answer, and nothing waits in memory.
 * The limit of that: spans of a trace that come in a request of their own, before or after the one that shows that the
 * trace matters, are kept with the probability only. Whichever service or request they come in, traces that are kept
 * by probability are kept whole, because all decide by the trace's id.
 */
import { Patch, delimited } from "../otlp/patch.ts";
import { WireReader } from "../otlp/wire.ts";
import { randomnessOf, thresholdOf, withThreshold } from "./threshold.ts";

export interface SamplePolicy {
  /** Probability with which an ordinary trace is kept: above 0, up to 1. */
  keep: number;
  /** Whether traces with a failed span are kept. */
  errors: boolean;
  /** Traces whose root took at least this long are kept, in milliseconds; undefined: it does not matter. */
  slowMs: number | undefined;
}

export interface Sample {
  /** The request's own bytes when nothing was left out and no trace state changed. */
  body: Uint8Array;
  spanCount: number;
  rejected: readonly number[];
  sampledOut: number;
}

/** Attributes of spans that are always kept begin like one of these. */
const KEPT_KEYS: readonly string[] = [
  ..."gen_ai. llm. openinference. traceloop. ai. langfuse. mlflow. langsmith. langwatch. lmnr.".split(
    " ",
  ),
  ..."pydantic_ai. db.vector. retrieval. reranker. embedding. tool. assay.prompt. assay.cost.".split(
    " ",
  ),
  ..."assay.retrieval. assay.usage. assay.content. assay.stream. guardrail.".split(" "),
];

interface SpanFacts {
  traceId: Uint8Array;
  traceState: string;
  matters: boolean;
}

const STATUS_ERROR = 2;

export function createSampler(
  policy: SamplePolicy,
): (body: Uint8Array, rejected: readonly number[]) => Sample {
  const threshold = thresholdOf(policy.keep);
  const reader = new WireReader();
  const patch = new Patch();

  return (body, rejected) => {
    const facts: SpanFacts[] = [];
    reader.reset(body);
    eachSpan(reader, undefined, body.length, (stop) => facts.push(readSpan(reader, stop, policy)));
    const mattering = new Set(
      facts.filter((span) => span.matters).map((span) => nameOf(span.traceId)),
    );
    const refused = new Set(rejected);
    const stillRejected: number[] = [];
    let index = 0;
    let kept = 0;
    reader.reset(body);
    patch.reset();
    eachSpan(reader, patch, body.length, (stop, tagAt, lengthAt) => {
      const span = facts[index]!;
      if (refused.has(index)) stillRejected.push(kept);
      else if (!mattering.has(nameOf(span.traceId))) {
        if (randomnessOf(span.traceId, span.traceState) < threshold) {
          patch.remove(tagAt, stop);
          reader.at = stop;
          index++;
          return;
        }
        putThreshold({ reader, patch, stop, lengthAt }, span.traceState, threshold);
      }
      reader.at = stop;
      index++;
      kept++;
    });
    return {
      body: patch.apply(body),
      spanCount: kept,
      rejected: stillRejected,
      sampledOut: index - kept,
    };
  };
}

const nameOf = (traceId: Uint8Array): string => Buffer.from(traceId).toString("latin1");

/** Calls `take` at the beginning of each span; it leaves the reader at the span's end. */
function eachSpan(
  reader: WireReader,
  patch: Patch | undefined,
  end: number,
  take: (stop: number, tagAt: number, lengthAt: number) => void,
): void {
  /** The field that leads on at each level: resource_spans = 1, scope_spans = 2, spans = 2. */
  const walk = (stop: number, path: readonly number[]): void => {
    while (reader.at < stop) {
      const tagAt = reader.at;
      const tag = reader.tag(stop);
      if (tag !== path[0]) {
        reader.skip(tag, stop);
        continue;
      }
      const lengthAt = reader.at;
      const inner = reader.delimited(stop);
      if (path.length === 1) take(inner, tagAt, lengthAt);
      else {
        const mark = patch?.open(lengthAt, reader.at);
        walk(inner, path.slice(1));
        if (mark !== undefined) patch?.close(mark, inner);
      }
    }
  };
  walk(end, [0x0a, 0x12, 0x12]);
}

function readSpan(reader: WireReader, end: number, policy: SamplePolicy): SpanFacts {
  const span: SpanFacts = { traceId: new Uint8Array(16), traceState: "", matters: false };
  let isRoot = true;
  let startNano = 0n;
  let endNano = 0n;
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x0a: // trace_id = 1
        span.traceId = bytesOf(reader, end);
        break;
      case 0x1a: // trace_state = 3
        span.traceState = textOf(reader, end);
        break;
      case 0x22: // parent_span_id = 4
        isRoot = bytesOf(reader, end).every((byte) => byte === 0);
        break;
      case 0x39: // start_time_unix_nano = 7
        startNano = nanoOf(reader, end);
        break;
      case 0x41: // end_time_unix_nano = 8
        endNano = nanoOf(reader, end);
        break;
      case 0x4a: // attributes = 9
        span.matters = keyMatters(reader, end) || span.matters;
        break;
      case 0x5a: // events = 11
        span.matters = eventMatters(reader, end) || span.matters;
        break;
      case 0x7a: // status = 15
        span.matters = (statusOf(reader, end) === STATUS_ERROR && policy.errors) || span.matters;
        break;
      default:
        reader.skip(tag, end);
    }
  }
  if (isRoot && policy.slowMs !== undefined && endNano > startNano) {
    if (endNano - startNano >= BigInt(Math.round(policy.slowMs * 1e6))) span.matters = true;
  }
  return span;
}

function keyMatters(reader: WireReader, end: number): boolean {
  let matters = false;
  const stop = reader.delimited(end);
  while (reader.at < stop) {
    const tag = reader.tag(stop);
    if (tag === 0x0a /* key = 1 */) {
      const key = textOf(reader, stop);
      matters = KEPT_KEYS.some((prefix) => key.startsWith(prefix));
    } else reader.skip(tag, stop);
  }
  return matters;
}

/** Messages as events: `gen_ai.user.message`, `gen_ai.choice`. */
function eventMatters(reader: WireReader, end: number): boolean {
  let matters = false;
  const stop = reader.delimited(end);
  while (reader.at < stop) {
    const tag = reader.tag(stop);
    if (tag === 0x12 /* name = 2 */) matters = textOf(reader, stop).startsWith("gen_ai.");
    else reader.skip(tag, stop);
  }
  return matters;
}

function statusOf(reader: WireReader, end: number): number {
  let code = 0;
  const stop = reader.delimited(end);
  while (reader.at < stop) {
    const tag = reader.tag(stop);
    if (tag === 0x18 /* code = 3 */) code = reader.varint32(stop);
    else reader.skip(tag, stop);
  }
  return code;
}

function nanoOf(reader: WireReader, end: number): bigint {
  reader.fixed64(end);
  return (BigInt(reader.high) << 32n) | BigInt(reader.low);
}

function bytesOf(reader: WireReader, end: number): Uint8Array {
  const stop = reader.delimited(end);
  const bytes = reader.body.subarray(reader.at, stop);
  reader.at = stop;
  return bytes;
}

function textOf(reader: WireReader, end: number): string {
  return Buffer.from(bytesOf(reader, end)).toString();
}

/** Writes the threshold that the span passed into its trace state. The reader stands at the span's first field. */
function putThreshold(
  at: { reader: WireReader; patch: Patch; stop: number; lengthAt: number },
  traceState: string,
  threshold: bigint,
): void {
  const { reader, patch, stop, lengthAt } = at;
  const changed = withThreshold(traceState, threshold);
  if (changed === undefined) return;
  const mark = patch.open(lengthAt, reader.at);
  while (reader.at < stop) {
    const tagAt = reader.at;
    const tag = reader.tag(stop);
    reader.skip(tag, stop);
    if (tag === 0x1a /* trace_state = 3 */) patch.remove(tagAt, reader.at);
  }
  patch.replace(stop, stop, Buffer.concat([Buffer.from([0x1a]), delimited(Buffer.from(changed))]));
  patch.close(mark, stop);
}
