/**
 * Gunzip under a running limit.
 *
 * The last four bytes of a gzip body say how long its last member was: a hint for the size of the output buffer, so
 * that a small honest body inflates into one buffer without a copy. It is only a hint; what is counted is what comes out.
 *
 * Small bodies are inflated at once: the thread pool's round trip costs more than the work. Larger ones go to the
 * pool, no more at a time than there are cores, because the pool also carries the log's syncs.
 */
import { availableParallelism } from "node:os";
import { createGunzip, gunzipSync } from "node:zlib";
import { collectChunks } from "../heap.ts";
import { noMemory, tooLarge, type BodyLimits } from "./body.ts";
import { GrowingBody } from "./growing-body.ts";
import { Refusal } from "./refusal.ts";

const SYNC_MAX_BYTES = 256 * 1024;
const MAX_CHUNK_BYTES = 256 * 1024;
/** Deflate cannot do better; an announced length beyond it is a lie. */
const MAX_RATIO = 1032;
/** Head and trailer of a gzip member. */
const MIN_GZIP_BYTES = 18;

export type Inflate = (compressed: Buffer, limits: BodyLimits) => Promise<Buffer>;

/** @param concurrency bodies inflated at a time; the others wait, their memory reserved */
export function createInflate(concurrency: number = availableParallelism()): Inflate {
  let running = 0;
  const waiting: (() => void)[] = [];

  const inPool: Inflate = async (compressed, limits) => {
    if (running >= concurrency) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await inflateStream(compressed, limits);
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };

  return async (compressed, limits) =>
    inflateAtOnce(compressed, limits) ?? (await inPool(compressed, limits));
}

function announcedSize(compressed: Buffer): number {
  if (compressed.length < MIN_GZIP_BYTES) return 0;
  const announced = compressed.readUInt32LE(compressed.length - 4);
  return Math.min(announced, compressed.length * MAX_RATIO);
}

/** Undefined when the body is not small, or is larger than it says (more than one member). */
function inflateAtOnce(compressed: Buffer, limits: BodyLimits): Buffer | undefined {
  const size = announcedSize(compressed);
  if (compressed.length > SYNC_MAX_BYTES || size > Math.min(SYNC_MAX_BYTES, limits.maxBytes))
    return undefined;
  if (!limits.reservation.take(size)) throw noMemory();
  try {
    return gunzipSync(compressed, {
      maxOutputLength: Math.max(size, 1),
      chunkSize: Math.max(size + 1, 64),
    });
  } catch (error) {
    limits.reservation.give(size);
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") return undefined;
    throw corrupt(error);
  }
}

/** Stops within one chunk (256 KiB) of the limit. */
function inflateStream(compressed: Buffer, limits: BodyLimits): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const size = Math.min(announcedSize(compressed), limits.maxBytes);
  const stream = createGunzip({ chunkSize: Math.min(Math.max(size + 1, 16_384), MAX_CHUNK_BYTES) });
  const body = new GrowingBody(limits, size);
  const stop = (reason: Refusal): void => {
    stream.destroy();
    reject(reason);
  };
  stream.on("data", (chunk: Buffer) => {
    if (body.length + chunk.length > limits.maxBytes) stop(tooLarge(limits.maxBytes, "inflated"));
    else if (!limits.reservation.take(chunk.length)) stop(noMemory());
    else {
      body.add(chunk);
      collectChunks(chunk.length);
    }
  });
  stream.on("end", () => resolve(body.whole()));
  stream.on("error", (error) => reject(corrupt(error)));
  stream.end(compressed);
  return promise;
}

function corrupt(cause: unknown): Refusal {
  const what = cause instanceof Error ? cause.message : String(cause);
  return new Refusal("malformed", `corrupt gzip body: ${what}`, {}, { cause });
}
