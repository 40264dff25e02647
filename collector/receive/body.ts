/**
 * Reads a request's body, at most once copied, never beyond the limit.
 *
 * Its memory comes from the pool and belongs to the request until `handOver`: the log keeps the bodies it was given for
 * its reader, long after the request was answered.
 */
import type { IncomingMessage } from "node:http";
import type { BodyPool } from "./body-pool.ts";
import { GrowingBody } from "./growing-body.ts";
import type { Reservation } from "./memory.ts";
import { AbortedError, Refusal } from "./refusal.ts";

/** What one request may take, and has taken. */
export interface BodyLimits {
  maxBytes: number;
  reservation: Reservation;
  /** A buffer of exactly `bytes`, the request's until `end` or `handOver`. */
  allocate(bytes: number): Buffer;
  /** Somebody else keeps `body` now and calls the result when done with it; undefined when it is not from `allocate`. */
  handOver(body: Uint8Array): (() => void) | undefined;
  /** Gives back what is still the request's. */
  end(): void;
}

export function createBodyLimits(
  maxBytes: number,
  reservation: Reservation,
  pool: BodyPool,
): BodyLimits {
  const held: Buffer[] = [];
  return {
    maxBytes,
    reservation,
    allocate(bytes) {
      const buffer = pool.take(bytes);
      held.push(buffer);
      return buffer;
    },
    handOver(body) {
      const at = held.findIndex(({ buffer }) => buffer === body.buffer);
      const [buffer] = at < 0 ? [] : held.splice(at, 1);
      return buffer && (() => pool.give(buffer));
    },
    end() {
      reservation.release();
      for (const buffer of held.splice(0)) pool.give(buffer);
    },
  };
}

export function tooLarge(maxBytes: number, form: "as sent" | "inflated"): Refusal {
  return new Refusal(
    "too_large",
    `expected a body of at most ${maxBytes} bytes ${form}, got more; send smaller batches or raise ASSAY_MAX_BODY_MB`,
  );
}

export function noMemory(): Refusal {
  return new Refusal("memory", "too many bytes in flight, try again");
}

/** @param announced the Content-Length, at most `maxBytes`; undefined for a body in chunks */
export function readBody(
  request: IncomingMessage,
  announced: number | undefined,
  limits: BodyLimits,
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const collected =
    announced === undefined ? new GrowingBody(limits) : new Announced(announced, limits);

  const onData = (chunk: Buffer): void => {
    if (collected.length + chunk.length > limits.maxBytes)
      stop(tooLarge(limits.maxBytes, "as sent"));
    else if (!limits.reservation.take(chunk.length)) stop(noMemory());
    else collected.add(chunk);
  };
  const onEnd = (): void => {
    unlisten();
    resolve(collected.whole());
  };
  const onClose = (): void =>
    stop(new AbortedError("the client went away before its body was complete"));
  const unlisten = (): void => {
    request.off("data", onData).off("end", onEnd).off("close", onClose);
  };
  const stop = (reason: Error): void => {
    unlisten();
    request.pause();
    reject(reason);
  };
  // A reset connection emits `error` as well; `close` says the same and always comes.
  request.on("error", () => {});
  request.on("data", onData).on("end", onEnd).on("close", onClose);
  return promise;
}

/** A body of known length: its chunks are copied to their place as they come, so that both never exist in full. */
class Announced {
  readonly #expected: number;
  readonly #limits: BodyLimits;
  #body: Buffer | undefined;
  length = 0;

  constructor(expected: number, limits: BodyLimits) {
    this.#expected = expected;
    this.#limits = limits;
  }

  add(chunk: Buffer): void {
    if (chunk.length === this.#expected) this.#body = chunk;
    else {
      this.#body ??= this.#limits.allocate(this.#expected);
      chunk.copy(this.#body, this.length);
    }
    this.length += chunk.length;
  }

  whole(): Buffer {
    return this.#body ?? Buffer.alloc(0);
  }
}
