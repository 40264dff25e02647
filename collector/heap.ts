/**
 * Tells V8 how to count memory outside its heap. Loaded by the collector's main file for its effect.
 *
 * A body arrives in pieces of 64 KiB, each a buffer outside the heap. By default V8 marks the whole heap whenever a few
 * tens of megabytes of those have come since the last time: 25 times a second under load, a third of the collector's
 * CPU (200,000 spans: 51 full collections; with this flag 3 to 10, 27 and 17 CPU seconds per million spans). Counted in
 * the global limit, they start a collection when heap and buffers together have grown in proportion; and as most of that
 * is bodies waiting for the log, which no collection frees, they may double first (400,000 spans: 19 and 5).
 */
import { setFlagsFromString } from "node:v8";

setFlagsFromString("--external-memory-accounted-in-global-limit");
setFlagsFromString("--heap-growing-percent=100");
