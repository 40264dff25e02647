/**
 * How many requests an address may send: a bucket for each that fills at a steady rate and holds two seconds' worth.
 *
 * It stops loops and scripts gone wild, not attackers with many addresses: what a request costs is bounded elsewhere. At most
 * MAX_ADDRESSES are remembered; the one not seen for longest goes first, with whatever it had used up.
 */
import type { RequestHandler } from "express";
import { ApiError } from "./errors.ts";

const MAX_ADDRESSES = 10_000;

export interface RateLimit {
  /** Takes a request's worth; otherwise the milliseconds until there is one. */
  take(address: string): number;
}

/** `now` in milliseconds, steady. */
export function createRateLimit(
  perSecond: number,
  now: () => number = () => performance.now(),
): RateLimit {
  const most = 2 * perSecond;
  const buckets = new Map<string, { left: number; at: number }>();
  return {
    take(address) {
      const at = now();
      const known = buckets.get(address) ?? { left: most, at };
      const left = Math.min(most, known.left + ((at - known.at) / 1000) * perSecond);
      buckets.delete(address); // so that the map is in the order of last use
      buckets.set(address, { left: left >= 1 ? left - 1 : left, at });
      if (buckets.size > MAX_ADDRESSES) buckets.delete(buckets.keys().next().value!);
      return left >= 1 ? 0 : ((1 - left) / perSecond) * 1000;
    },
  };
}

export function limitRate(limit: RateLimit): RequestHandler {
  return (request, response, next) => {
    const waitMs = limit.take(request.socket.remoteAddress ?? "");
    if (waitMs === 0) return next();
    response.set("Retry-After", String(Math.ceil(waitMs / 1000)));
    next(new ApiError("rate_limited"));
  };
}
