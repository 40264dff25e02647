/**
 * Time arithmetic on 64-bit nanoseconds held as two 32-bit halves.
 *
 * `event_time` is the start where that is believable, else the time of receipt: partitions, retention and every query
 * over time go by it, and a clock that is off must not create partitions in 1970 or 2106.
 */
import { ANOMALY } from "./anomalies.ts";
import { uint64ToNumber } from "./int64.ts";

const MAX_AHEAD_MS = 600_000;
/** A year. */
const MAX_DURATION_NS = 366 * 86_400e9;

/** Days since 1970, exact: a day's nanoseconds are 2^16 × this, and what is left of 64 bits then fits a double. */
const DAY_NS_SHIFTED = 1_318_359_375;

function dayOf(low: number, high: number): number {
  return Math.floor((high * 65_536 + (low >>> 16)) / DAY_NS_SHIFTED);
}

export class SpanTimes {
  readonly #maxAgeMs: number;
  #receivedMs = 0;
  #receivedLow = 0;
  #receivedHigh = 0;

  eventLow = 0;
  eventHigh = 0;
  /** Milliseconds of the start where it is one, else of the receipt: what prices go by. */
  callMs = 0;
  /** UTC day of `event_time`, counted from 1970. */
  day = 0;
  durationLow = 0;
  durationHigh = 0;

  constructor(maxSpanAgeMs: number) {
    this.#maxAgeMs = maxSpanAgeMs;
  }

  /** Sets the time of receipt of the spans that follow. */
  receivedAt(unixMs: number): void {
    this.#receivedMs = unixMs;
    const nanos = BigInt(unixMs) * 1_000_000n;
    this.#receivedLow = Number(nanos & 0xffffffffn);
    this.#receivedHigh = Number(nanos >> 32n);
  }

  /** Works out the times of a span; returns what is odd about them. */
  place(startLow: number, startHigh: number, endLow: number, endHigh: number): number {
    const odd = this.#placeStart(startLow, startHigh);
    return odd | this.#measure(startLow, startHigh, endLow, endHigh);
  }

  #placeStart(low: number, high: number): number {
    const startMs = uint64ToNumber(low, high) / 1e6;
    const odd = this.#judge(startMs);
    this.eventLow = odd === 0 ? low : this.#receivedLow;
    this.eventHigh = odd === 0 ? high : this.#receivedHigh;
    this.callMs = odd === 0 || odd === ANOMALY.startTooOld ? startMs : this.#receivedMs;
    this.day = dayOf(this.eventLow, this.eventHigh);
    return odd;
  }

  #judge(startMs: number): number {
    if (startMs === 0) return ANOMALY.startMissing;
    if (startMs < this.#receivedMs - this.#maxAgeMs) return ANOMALY.startTooOld;
    if (startMs > this.#receivedMs + MAX_AHEAD_MS) return ANOMALY.startInFuture;
    return 0;
  }

  #measure(startLow: number, startHigh: number, endLow: number, endHigh: number): number {
    this.durationLow = 0;
    this.durationHigh = 0;
    if ((endLow | endHigh) === 0) return ANOMALY.endMissing;
    if ((startLow | startHigh) === 0) return 0;
    if (endHigh < startHigh || (endHigh === startHigh && endLow < startLow)) {
      return ANOMALY.endBeforeStart;
    }
    const borrow = endLow < startLow ? 1 : 0;
    const low = (endLow - startLow) >>> 0;
    const high = endHigh - startHigh - borrow;
    if (uint64ToNumber(low, high) > MAX_DURATION_NS) return ANOMALY.durationImplausible;
    this.durationLow = low;
    this.durationHigh = high;
    return 0;
  }
}
