/** The short form of `npm run fuzz`, without a server: whatever is let in can be encoded, whatever is not is refused in order. */
import { loadPriceBook } from "@assay/instrumentation/pricing";
import { expect, test } from "vitest";

import { createEncoder } from "../../collector/encode/encoder.ts";
import { transcodeTraces } from "../../collector/otlp/json.ts";
import { validateTraces } from "../../collector/otlp/validate.ts";
import { PermanentError } from "../../collector/stages.ts";
import { fuzzedRequests, type FuzzedRequest } from "./mutations.ts";

const REQUESTS = 4_000;

function letIn({ contentType, body }: FuzzedRequest) {
  const protobuf = contentType === "application/json" ? transcodeTraces(body).body : body;
  return { body: protobuf, ...validateTraces(protobuf) };
}

test.each([1, 2])(
  "seed %d: an accepted request can be encoded, all others are malformed",
  (seed) => {
    const next = fuzzedRequests(seed);
    const encoder = createEncoder({
      priceBook: loadPriceBook(),
      collectorId: "fuzz",
      maxSpanAgeMs: 86_400_000,
    });
    let accepted = 0;
    for (let n = 0; n < REQUESTS; n++) {
      const request = next(n);
      const what = `request ${n} (${request.name})`;
      let taken: ReturnType<typeof letIn> | undefined;
      try {
        taken = letIn(request);
      } catch (error) {
        expect(error, what).toBeInstanceOf(PermanentError);
      }
      if (taken === undefined) continue;
      accepted++;
      const before = encoder.rows;
      const { body, spanCount, rejected } = taken;
      try {
        encoder.append({
          signal: "traces",
          seq: n + 1,
          body,
          spanCount,
          rejected,
          receivedAtUnixMs: Date.now(),
        });
      } catch (error) {
        throw new Error(`${what} was accepted and cannot be encoded`, { cause: error });
      }
      expect(encoder.rows - before, what).toBe(spanCount - rejected.length);
      if (encoder.rows > 5_000) encoder.finish(n);
    }
    expect(accepted).toBeGreaterThan(REQUESTS / 50);
  },
);
