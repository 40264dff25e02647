/**
 * gRPC's messages on an HTTP/2 stream: one byte that says whether it is compressed, four of length, the content.
 *
 * The calls here take exactly one message, so the reader takes one and knows its length before its content: it is
 * refused by the announced length, and collected into one buffer, which is taken only when content arrives: announcing
 * a large message costs us nothing.
 */
import { constants, type ServerHttp2Stream } from "node:http2";
import { noMemory, tooLarge, type BodyLimits } from "../body.ts";
import { AbortedError, Refusal } from "../refusal.ts";

const PREFIX_BYTES = 5;
const COMPRESSED = 1;

export interface Message {
  compressed: boolean;
  content: Buffer;
}

/** Resolves when the client has sent one whole message and nothing else. */
export function readMessage(stream: ServerHttp2Stream, limits: BodyLimits): Promise<Message> {
  const { promise, resolve, reject } = Promise.withResolvers<Message>();
  const reader = new MessageReader(limits);
  const onData = (chunk: Buffer): void => {
    const problem = reader.add(chunk);
    if (problem !== undefined) stop(problem);
  };
  const onEnd = (): void => {
    // A reset ends the readable side as well.
    if (stream.aborted || stream.rstCode !== constants.NGHTTP2_NO_ERROR) return onClose();
    unlisten();
    const message = reader.finish();
    if (message instanceof Error) reject(message);
    else resolve(message);
  };
  const onClose = (): void =>
    stop(new AbortedError("the client went away before its message was complete"));
  const unlisten = (): void => {
    stream.off("data", onData).off("end", onEnd).off("close", onClose);
  };
  const stop = (reason: Error): void => {
    unlisten();
    reject(reason);
  };
  stream.on("data", onData).on("end", onEnd).on("close", onClose);
  return promise;
}

class MessageReader {
  readonly #limits: BodyLimits;
  readonly #prefix = Buffer.alloc(PREFIX_BYTES);
  #prefixLength = 0;
  #expected = 0;
  #content: Buffer | undefined;
  #length = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  /** Takes the next bytes, or says why not. */
  add(chunk: Buffer): Refusal | undefined {
    let at = 0;
    while (this.#prefixLength < PREFIX_BYTES) {
      if (at === chunk.length) return undefined;
      this.#prefix[this.#prefixLength++] = chunk[at++]!;
      if (this.#prefixLength === PREFIX_BYTES) {
        const problem = this.#checkPrefix();
        if (problem !== undefined) return problem;
      }
    }
    const count = chunk.length - at;
    if (count === 0) return undefined;
    if (this.#length + count > this.#expected)
      return malformed("expected one message, got more bytes after it");
    if (!this.#limits.reservation.take(count)) return noMemory();
    this.#content ??= this.#limits.allocate(this.#expected);
    chunk.copy(this.#content, this.#length, at);
    this.#length += count;
    return undefined;
  }

  #checkPrefix(): Refusal | undefined {
    const flag = this.#prefix[0]!;
    if (flag > COMPRESSED) return malformed(`expected a compressed flag of 0 or 1, got ${flag}`);
    this.#expected = this.#prefix.readUInt32BE(1);
    const { maxBytes } = this.#limits;
    return this.#expected > maxBytes ? tooLarge(maxBytes, "as sent") : undefined;
  }

  finish(): Message | Refusal {
    if (this.#prefixLength === 0) return malformed("expected one message, got none");
    if (this.#prefixLength < PREFIX_BYTES || this.#length < this.#expected)
      return malformed(`message cut short: got ${this.#length} bytes of ${this.#expected}`);
    const content = this.#content ?? Buffer.alloc(0);
    return { compressed: this.#prefix[0] === COMPRESSED, content };
  }
}

/** A message of ours, never compressed. */
export function frame(content: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + content.length);
  framed[0] = 0;
  framed.writeUInt32BE(content.length, 1);
  content.copy(framed, PREFIX_BYTES);
  return framed;
}

function malformed(message: string): Refusal {
  return new Refusal("malformed", message);
}
