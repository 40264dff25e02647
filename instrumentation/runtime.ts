/**
 * What the parts share within one process: settings, price book, redactor, pipeline. `start()` is idempotent: importing
 * twice, or through two module systems, gives one pipeline.
 */
import { ContentWriter, type Digest, type Redact } from "./content-writer.ts";
import { drainAll } from "./drain.ts";
import type { SpanQueue } from "./export-queue.ts";
import { inTurn, visible } from "./guard/hidden-text.ts";
import { guarded, warnOnce } from "./health.ts";
import { loadPriceBook, type PriceBook } from "./pricing.ts";
import { createPipeline, type Pipeline } from "./private-provider.ts";
import { createRedactor } from "./redact.ts";
import { readSettings, type ContentMode } from "./settings.ts";
import { createDigest } from "./text-digest.ts";
import { checkApiVersion, setPrivateProvider, stopTracing } from "./tracing.ts";

/** How long the end of a process may be held up. */
const SHUTDOWN_LIMIT_MS = 2_000;

const API_CHECK_DELAY_MS = 3_000;

let pipeline: Pipeline | undefined;
let redactor: Redact | undefined;
let digest: Digest | undefined;
let stopped = false;
/** All that holds something to send; those that end with this package, and those of an SDK of the service. */
const queues = new Set<Queue>();
const ownQueues = new Set<Queue>();

type Queue = Pick<SpanQueue, "hurry" | "forceFlush" | "stop" | "waiting">;

export const runtime = {
  settings: readSettings(),
  priceBook: (): PriceBook => loadPriceBook(),
};

/** What the content policy makes of text; not for `off`, which lets none out. */
export function contentWriter(mode: Exclude<ContentMode, "off">, hidden?: Redact): ContentWriter {
  if (mode !== "hash")
    return new ContentWriter(inTurn(hidden, mode === "redacted" ? redact : undefined));
  const hashed = (digest ??= createDigest(runtime.settings.hashKey));
  return ContentWriter.digesting((text) => hashed(visible(text, hidden)));
}

/** Text outside of messages, such as an error's, which may repeat the prompt or part of a key. undefined: it stays here. */
export function textOutside(text: string, mode: ContentMode, hidden?: Redact): string | undefined {
  if (mode === "off" || mode === "hash") return undefined;
  const shown = visible(text, hidden);
  return mode === "full" ? shown : redact(shown).text;
}

const redact: Redact = (text) => (redactor ??= createRedactor())(text);

/** @param isOwn whether `shutdown` stops it */
export function trackQueue(queue: Queue, isOwn = false): void {
  queues.add(queue);
  if (isOwn) ownQueues.add(queue);
}

export function start(): void {
  if (pipeline || runtime.settings.disabled) return;
  for (const problem of runtime.settings.problems) warnOnce(problem, problem);
  pipeline = createPipeline(runtime.settings);
  setPrivateProvider(pipeline.provider, pipeline.encodesAtOnce);
  trackQueue(pipeline.queue, true);
  // Now and not in the first request: reading the prices takes some tens of milliseconds.
  guarded("loading prices", loadPriceBook);
  // Once the service has had time to start an SDK of its own.
  setTimeout(checkApiVersion, API_CHECK_DELAY_MS).unref();
  flushAtExit();
}

/**
 * Sends what is waiting. Resolves when it is sent, given up, or the time is over; never rejects.
 * @param timeoutMs @default 2000
 */
export async function flush(timeoutMs = SHUTDOWN_LIMIT_MS): Promise<void> {
  drainAll();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  const sent = Promise.allSettled([...queues].map((queue) => queue.forceFlush()));
  await Promise.race([sent, late]);
  clearTimeout(timer);
}

function lastFlush(): Promise<void> {
  for (const queue of queues) queue.hurry();
  return flush();
}

/** Flushes and stops exporting; calls made later go through untraced. */
export async function shutdown(timeoutMs = SHUTDOWN_LIMIT_MS): Promise<void> {
  if (stopped) return;
  stopped = true;
  await flush(timeoutMs);
  stopTracing();
  await Promise.all([...ownQueues].map((queue) => queue.stop()));
}

/**
 * A listener for a signal takes away its default, which is to end the process. So when ours is the only one, the signal
 * is raised again after the flush; when the service listens too, ending is its business.
 */
function flushAtExit(): void {
  let flushedAt = 0;
  process.on("beforeExit", () => {
    // Exporting wakes the loop, and beforeExit comes again: once is enough unless there is something new.
    if (Date.now() - flushedAt < 100) return;
    void lastFlush().then(() => (flushedAt = Date.now()));
  });
  process.on("exit", warnOfLoss);
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const onSignal = (): void => {
      const alone = process.listenerCount(signal) === 1;
      if (alone) process.off(signal, onSignal);
      void lastFlush().finally(() => {
        if (alone) process.kill(process.pid, signal);
      });
    };
    process.on(signal, onSignal);
  }
}

/** process.exit() and an error that nobody caught leave no time to send anything: say so, and how to do better. */
function warnOfLoss(): void {
  let lost = 0;
  for (const queue of queues) lost += queue.waiting;
  if (lost === 0 || stopped) return;
  warnOnce(
    "exit",
    `${lost} spans were not sent because the process ended at once; await flush() of @assay/instrumentation before process.exit()`,
  );
}
