/**
 * Tells V8 how to count memory outside its heap. Loaded by the collector's main file first, for its effect.
 *
 * A body arrives in pieces of 64 KiB, each a buffer outside the heap. By default V8 marks the whole heap whenever a few
 * tens of megabytes of those have come since the last time: 25 times a second under load, a third of the collector's
 * CPU (200,000 spans: 51 full collections; with this flag 3 to 10, 27 and 17 CPU seconds per million spans). Counted in
 * the global limit, they start a collection when heap and buffers together have grown in proportion; and as most of that
 * is bodies waiting for the log, which no collection frees, they may double first (400,000 spans: 19 and 5).
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--external-memory-accounted-in-global-limit");
setFlagsFromString("--heap-growing-percent=100");

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as (options: { type: "minor" }) => void;

const CHUNKS_MAX_BYTES = 16 * 1024 * 1024;
let chunkBytes = 0;

/**
 * A decoder's output chunk of `bytes` was copied and is garbage. Bombs make gigabytes of it within a second
 * or two, and by the settings above V8 waits until the heap has doubled. All of it is in the young generation, which is
 * collected here alone (100 bombs: 570 to 710 MiB at the peak without, 470 with, and no slower).
 */
export function collectChunks(bytes: number): void {
  chunkBytes += bytes;
  if (chunkBytes < CHUNKS_MAX_BYTES) return;
  chunkBytes = 0;
  collect({ type: "minor" });
}
