/** A complete, inflated body to a request that can be stored: protobuf, validated. */
import { transcodeTraces } from "../otlp/json.ts";
import { validateTraces } from "../otlp/validate.ts";
import { partialSuccess, type PartialSuccess } from "./answer.ts";
import { noMemory, type BodyLimits } from "./body.ts";
import type { Format } from "./media.ts";

/** A body that can be stored, and what there is to say about it. */
export interface Decoded {
  /** Protobuf. */
  body: Uint8Array;
  /** Spans or log records, refused ones included. */
  count: number;
  /** Ascending indexes of refused ones. */
  rejected: readonly number[];
  partial: PartialSuccess | undefined;
}

const NOTHING: ReadonlyMap<string, number> = new Map();

/** @throws PermanentError when the body is malformed, Refusal when there is no memory */
export function decode(format: Format, body: Buffer, { reservation }: BodyLimits): Decoded {
  // An empty body is an empty request in protobuf; an empty one in JSON is let pass likewise.
  if (format === "protobuf" || body.length === 0) {
    const { spanCount, rejected, reasons } = validateTraces(body);
    const partial = partialSuccess(rejected.length, reasons, NOTHING);
    return { body, count: spanCount, rejected, partial };
  }
  if (!reservation.take(body.length)) throw noMemory();
  const transcoded = transcodeTraces(body);
  const validation = validateTraces(transcoded.body);
  const rejected = mergeAscending(validation.rejected, transcoded.rejected);
  const reasons = new Map([...validation.reasons, ...transcoded.reasons]);
  return {
    body: transcoded.body,
    count: validation.spanCount,
    rejected,
    partial: partialSuccess(rejected.length, reasons, transcoded.warnings),
  };
}

function mergeAscending(a: readonly number[], b: readonly number[]): number[] {
  return b.length === 0 ? [...a] : [...new Set([...a, ...b])].sort((x, y) => x - y);
}
