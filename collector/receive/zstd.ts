/**
 * Zstandard bodies, under the same running limit as gzip.
 *
 * A frame says how large a window its decoder must keep; RFC 9659 allows senders 8 MiB over HTTP, so a frame that asks
 * for more is refused before the memory is taken. Several frames follow one another like gzip's members. One body is
 * inflated at a time: hardly any sender uses it, and each takes a window of memory.
 */
import { constants, createZstdDecompress } from "node:zlib";
import { collectChunks } from "../heap.ts";
import { noMemory, tooLarge, type BodyLimits } from "./body.ts";
import { GrowingBody } from "./growing-body.ts";
import { Refusal } from "./refusal.ts";

const MAX_WINDOW_LOG = 23; // 8 MiB
/** Senders write one; the limit is for bodies made of thousands, each of which costs a decoder. */
const MAX_FRAMES = 64;
const CHUNK_BYTES = 256 * 1024;

export type ZstdInflate = (compressed: Buffer, limits: BodyLimits) => Promise<Buffer>;

export function createZstdInflate(): ZstdInflate {
  let last: Promise<unknown> = Promise.resolve();
  return (compressed, limits) => {
    const result = last.then(() => inflateFrames(compressed, limits));
    last = result.catch(() => {}); // the caller gets the error; the next in line only waits
    return result;
  };
}

/** Node decodes one frame and ignores what follows it, so the frames are taken one by one. */
async function inflateFrames(compressed: Buffer, limits: BodyLimits): Promise<Buffer> {
  const body = new GrowingBody(limits);
  let frames = 0;
  for (let at = 0; at < compressed.length;) {
    if (frames++ === MAX_FRAMES) throw corrupt(`more than ${MAX_FRAMES} frames`);
    at += await inflateFrame(compressed.subarray(at), body, limits);
  }
  return body.whole();
}

/** Adds what comes out to `body`; stops within one chunk of the limit. Resolves to the length of the frame. */
function inflateFrame(compressed: Buffer, body: GrowingBody, limits: BodyLimits): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const stream = createZstdDecompress({
    chunkSize: CHUNK_BYTES,
    params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG },
  });
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
  stream.on("end", () => resolve(stream.bytesWritten));
  stream.on("error", (error) => reject(corrupt(error.message, error)));
  stream.end(compressed);
  return promise;
}

function corrupt(what: string, cause?: Error): Refusal {
  return new Refusal("malformed", `corrupt zstd body: ${what}`, {}, { cause });
}
