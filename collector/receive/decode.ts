/** A complete, inflated body to a request that can be stored: protobuf, validated. */
import { transcodeLogs, transcodeTraces, type Transcoded } from "../otlp/json.ts";
import { withoutLogs } from "../otlp/keep-logs.ts";
import { validateLogs } from "../otlp/validate-logs.ts";
import { type Validation, validateTraces } from "../otlp/validate.ts";
import type { Signal } from "../stages.ts";
import { partialSuccess, type PartialSuccess } from "./answer.ts";
import { noMemory, type BodyLimits } from "./body.ts";
import type { BodyKind } from "./intake.ts";

/** A body that can be stored, and what there is to say about it. */
export interface Decoded {
  /** Protobuf. */
  body: Uint8Array;
  /** Spans or log records in it, refused ones included. */
  count: number;
  /** Ascending indexes of refused ones. */
  rejected: readonly number[];
  /** Refused ones that are no longer in the body. */
  leftOut: number;
  partial: PartialSuccess | undefined;
}

const VALIDATE: Record<Signal, (body: Uint8Array) => Validation> = {
  traces: validateTraces,
  logs: validateLogs,
};
const TRANSCODE: Record<Signal, (json: Uint8Array) => Transcoded> = {
  traces: transcodeTraces,
  logs: transcodeLogs,
};

/** @throws PermanentError when the body is malformed, Refusal when there is no memory */
export function decode(
  { signal, format }: Pick<BodyKind, "signal" | "format">,
  sent: Buffer,
  { reservation }: BodyLimits,
): Decoded {
  let transcoded: Transcoded = { body: sent, rejected: [], reasons: NONE, warnings: NONE };
  // An empty body is an empty request in protobuf; an empty one in JSON is let pass likewise.
  if (format === "json" && sent.length > 0) {
    if (!reservation.take(sent.length)) throw noMemory();
    transcoded = TRANSCODE[signal](sent);
  }
  const { body } = transcoded;
  const validation = VALIDATE[signal](body);
  const rejected = mergeAscending(validation.rejected, transcoded.rejected);
  const reasons = new Map([...validation.reasons, ...transcoded.reasons]);
  const partial = partialSuccess(signal, rejected.length, reasons, transcoded.warnings);
  const count = validation.spanCount;
  if (signal === "traces" || rejected.length === 0) {
    return { body, count, rejected, leftOut: 0, partial };
  }
  // An application's own log may be most of a request, and is none of our business.
  if (rejected.length < count && !reservation.take(body.length)) throw noMemory();
  const kept = rejected.length < count ? withoutLogs(body, rejected) : body.subarray(0, 0);
  const leftOut = rejected.length;
  return { body: kept, count: count - leftOut, rejected: [], leftOut, partial };
}

const NONE: ReadonlyMap<string, number> = new Map();

function mergeAscending(a: readonly number[], b: readonly number[]): readonly number[] {
  return b.length === 0 ? a : [...new Set([...a, ...b])].sort((x, y) => x - y);
}
