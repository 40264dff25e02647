/**
 * The stage that samples, between the receiver and redaction: what is left out is never written.
 *
 * A span that is left out is acknowledged like any other and counted as sampled out; a 200 still means that every span that
 * is kept is stored. A request of which nothing is kept ends here.
 */
import type { AcceptedRequest, AppendOutcome } from "../stages.ts";
import { createSampler, type SamplePolicy } from "./sampler.ts";

export interface SampleStats {
  /** Accepted spans that were left out. */
  sampledOutSpans: number;
}

export interface SampleStage {
  consume: (request: AcceptedRequest) => Promise<AppendOutcome>;
  stats: () => SampleStats;
}

export function createSampleStage(
  policy: SamplePolicy,
  next: (request: AcceptedRequest) => Promise<AppendOutcome>,
): SampleStage {
  const sample = createSampler(policy);
  let sampledOutSpans = 0;
  return {
    async consume(request) {
      if (request.signal !== "traces") return await next(request);
      const { sampledOut, ...kept } = sample(request.body, request.rejected);
      let outcome: AppendOutcome = "appended";
      if (kept.spanCount > kept.rejected.length) outcome = await next({ ...request, ...kept });
      else request.free?.();
      // A request that is sent again counts again, as it does where spans are accepted.
      sampledOutSpans += sampledOut;
      return outcome;
    },
    stats: () => ({ sampledOutSpans }),
  };
}
