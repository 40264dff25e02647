/**
 * A lane: how many queries of one kind may run at once, and how many may wait.
 *
 * One engine session runs one query at a time, and each running query holds a thread of libuv's pool. Separate
 * lanes for reads, inserts and commands keep slow reads from holding up an insert.
 */
import { queryError } from "./errors.ts";

/** Queries that may run at once and wait, by kind. Their sum, and a few threads for files, is libuv's pool. */
export const laneSizes = {
  reads: { running: 6, queued: 64 },
  /** Of the collector: migrations and reconciliation must not wait behind dashboards. */
  writerReads: { running: 2, queued: 32 },
  inserts: { running: 2, queued: 32 },
  commands: { running: 3, queued: 32 },
} as const;

/** How many queries may run at once in all. */
export const totalRunning = Object.values(laneSizes).reduce((sum, lane) => sum + lane.running, 0);

export interface LaneStats {
  running: number;
  queued: number;
  refused: number;
}

export interface Lane {
  /** Resolves with the release function once there is room. Rejects when the queue is full or `signal` aborts. */
  enter(signal: AbortSignal): Promise<() => void>;
  stats(): LaneStats;
}

export function createLane(name: string, options: { running: number; queued: number }): Lane {
  let running = 0;
  let refused = 0;
  const waiting: (() => void)[] = [];

  function release(): void {
    const next = waiting.shift();
    if (next) next();
    else running--;
  }

  function onceReleased(): () => void {
    let released = false;
    return () => {
      if (!released) release();
      released = true;
    };
  }

  return {
    enter(signal) {
      if (signal.aborted)
        return Promise.reject(queryError(394, "Query was cancelled before it began"));
      if (running < options.running) {
        running++;
        return Promise.resolve(onceReleased());
      }
      if (waiting.length >= options.queued) {
        refused++;
        const limits = `${options.running} running, ${options.queued} waiting`;
        return Promise.reject(queryError(202, `Too many simultaneous ${name}. Maximum: ${limits}`));
      }
      return new Promise((resolve, reject) => {
        const go = (): void => {
          signal.removeEventListener("abort", giveUp);
          resolve(onceReleased());
        };
        const giveUp = (): void => {
          waiting.splice(waiting.indexOf(go), 1);
          reject(queryError(394, "Query was cancelled before it began"));
        };
        waiting.push(go);
        signal.addEventListener("abort", giveUp, { once: true });
      });
    },
    stats: () => ({ running, queued: waiting.length, refused }),
  };
}
