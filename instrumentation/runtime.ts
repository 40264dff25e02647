/**
 * What the parts share within one process: settings, price book, redactor, pipeline. `start()` is idempotent: importing
 * twice, or through two module systems, gives one pipeline.
 */
import type { Redact } from "./content-writer.ts";
import { drainAll } from "./drain.ts";
import type { SpanQueue } from "./export-queue.ts";
import { guarded, warnOnce } from "./health.ts";
import { loadPriceBook, type PriceBook } from "./pricing.ts";
import { createPipeline, type Pipeline } from "./private-provider.ts";
import { createRedactor } from "./redact.ts";
import { readSettings } from "./settings.ts";
import { checkApiVersion, setPrivateProvider, stopTracing } from "./tracing.ts";

/** How long the end of a process may be held up. */
const SHUTDOWN_LIMIT_MS = 2_000;

const API_CHECK_DELAY_MS = 3_000;

let pipeline: Pipeline | undefined;
let redactor: Redact | undefined;
let stopped = false;
/** All that holds something to send; those that end with this package, and those of an SDK of the service. */
const queues = new Set<Queue>();
const ownQueues = new Set<Queue>();

type Queue = Pick<SpanQueue, "hurry" | "forceFlush" | "stop">;

export const runtime = {
  settings: readSettings(),
  priceBook: (): PriceBook => loadPriceBook(),
  redactor: (): Redact => (redactor ??= createRedactor()),
  /** Text that leaves the service with the mode's rules applied, outside of messages. */
  redact: (text: string): string =>
    runtime.settings.content === "full" ? text : runtime.redactor()(text).text,
};

/** @param isOwn whether `shutdown` stops it */
export function trackQueue(queue: Queue, isOwn = false): void {
  queues.add(queue);
  if (isOwn) ownQueues.add(queue);
}

export function start(): void {
  if (pipeline || runtime.settings.disabled) return;
  for (const problem of runtime.settings.problems) warnOnce(problem, problem);
  pipeline = createPipeline(runtime.settings);
  setPrivateProvider(pipeline.provider);
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
