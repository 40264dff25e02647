/**
 * Reads a request's body, at most once copied, never beyond the limit.
 *
 * The buffer is the request's own and not taken from a pool: the log keeps the bodies it was given for its reader, long
 * after the request was answered.
 */
import type { IncomingMessage } from "node:http";
import type { Reservation } from "./memory.ts";
import { AbortedError, Refusal } from "./refusal.ts";

export interface BodyLimits {
  maxBytes: number;
  reservation: Reservation;
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
  const collected = announced === undefined ? new Chunks() : new Announced(announced);

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
  #body: Buffer | undefined;
  length = 0;

  constructor(expected: number) {
    this.#expected = expected;
  }

  add(chunk: Buffer): void {
    if (chunk.length === this.#expected) this.#body = chunk;
    else {
      this.#body ??= Buffer.allocUnsafeSlow(this.#expected);
      chunk.copy(this.#body, this.length);
    }
    this.length += chunk.length;
  }

  whole(): Buffer {
    return this.#body ?? Buffer.alloc(0);
  }
}

class Chunks {
  readonly #chunks: Buffer[] = [];
  length = 0;

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.length += chunk.length;
  }

  whole(): Buffer {
    return this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.length);
  }
}
