/** A complete, inflated body to a request that can be stored: protobuf, validated. */
import { transcodeTraces } from "../otlp/json.ts";
import { validateTraces, type Validation } from "../otlp/validate.ts";
import { partialSuccess, type PartialSuccess } from "./answer.ts";
import { noMemory, type BodyLimits } from "./body.ts";
import type { Format } from "./media.ts";

/** A body that can be stored, and what there is to say about it. */
export interface Traces {
  body: Uint8Array;
  validation: Validation;
  partial: PartialSuccess | undefined;
}

/** @throws PermanentError when the body is malformed, Refusal when there is no memory */
export function decodeTraces(format: Format, body: Buffer, { reservation }: BodyLimits): Traces {
  // An empty body is an empty request in protobuf; an empty one in JSON is let pass likewise.
  if (format === "protobuf" || body.length === 0) {
    const validation = validateTraces(body);
    const { rejected, reasons } = validation;
    return { body, validation, partial: partialSuccess(rejected.length, reasons, new Map()) };
  }
  if (!reservation.take(body.length)) throw noMemory();
  const transcoded = transcodeTraces(body);
  const validation = validateTraces(transcoded.body);
  const rejected = mergeAscending(validation.rejected, transcoded.rejected);
  const reasons = new Map([...validation.reasons, ...transcoded.reasons]);
  return {
    body: transcoded.body,
    validation: { ...validation, rejected },
    partial: partialSuccess(rejected.length, reasons, transcoded.warnings),
  };
}

function mergeAscending(a: readonly number[], b: readonly number[]): number[] {
  return b.length === 0 ? [...a] : [...new Set([...a, ...b])].sort((x, y) => x - y);
}
