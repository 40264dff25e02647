/**
 * Finishing spans off the caller's tick. A call that ended leaves references here (an array copy, the answer object);
 * serialising, redacting, hashing and pricing happen in the next turns of the event loop, at most 2 ms at a time, and
 * only then is the span ended, with the time that was taken when the call ended. The same holds for a tracer provider
 * of the service's own, so its exporters see complete spans.
 *
 * Bounded by number and by characters of content. Over the second a span loses its messages, over the first it is
 * dropped; both are counted.
 */
import { countError, stats } from "./health.ts";

export interface FinishedCall {
  /** Characters of content that this holds on to. */
  contentSize: number;
  /** Sets the remaining attributes and ends the span. */
  finish(withContent: boolean): void;
}

const MAX_CALLS = 2_048;
const MAX_CONTENT = 32 * 1024 * 1024;
const TICK_BUDGET_MS = 2;
/**
 * A service that never yields to the event loop finishes earlier calls in the tick of later ones. If they all waited, the
 * garbage collector would move what they hold on to, twice, and that costs as much as finishing them.
 */
const MAX_CALLS_A_TICK = 32;

const waiting: { call: FinishedCall; withContent: boolean }[] = [];
let next = 0;
let contentHeld = 0;
let scheduled = false;

export function enqueueFinished(call: FinishedCall): void {
  if (waiting.length - next >= MAX_CALLS) {
    stats.spansDroppedQueueFull++;
    return;
  }
  const withContent = contentHeld + call.contentSize <= MAX_CONTENT;
  if (withContent) contentHeld += call.contentSize;
  else if (call.contentSize > 0) stats.contentDropped++;
  waiting.push({ call, withContent });
  if (waiting.length - next > MAX_CALLS_A_TICK) drainUntil(performance.now() + TICK_BUDGET_MS);
  if (scheduled || waiting.length === 0) return;
  scheduled = true;
  setImmediate(drainTick);
}

/** Finishes everything now: before a flush, and before a provider of the service's own shuts down. */
export function drainAll(): void {
  drainUntil(Number.POSITIVE_INFINITY);
}

function drainTick(): void {
  scheduled = false;
  drainUntil(performance.now() + TICK_BUDGET_MS);
  if (waiting.length === 0) return;
  scheduled = true;
  setImmediate(drainTick);
}

function drainUntil(deadline: number): void {
  while (next < waiting.length) {
    const entry = waiting[next++];
    if (entry) finish(entry.call, entry.withContent);
    if (performance.now() >= deadline) break;
  }
  // Also while some still wait, which may be for ever in a busy service: what is finished must not be held by them.
  waiting.splice(0, next);
  next = 0;
}

function finish(call: FinishedCall, withContent: boolean): void {
  if (withContent) contentHeld -= call.contentSize;
  try {
    call.finish(withContent);
  } catch (error) {
    countError("finishing a span", error);
  }
}
