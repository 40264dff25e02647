/**
 * Scores on their way: bounded by number, sent every second or when a batch is full, one request at a time. When the
 * collector is away and the queue is full, new ones are dropped; all that is dropped is counted. No timer keeps the
 * process alive.
 */
import { asOwnExport, outsideRequests } from "../export-queue.ts";
import { countError, stats, warnOnce } from "../health.ts";
import type { EncodedSpan } from "../otlp/request.ts";

const MOST_SCORES = 2_048;
const BATCH_SCORES = 256;

export interface ScoreSender {
  export(records: EncodedSpan[], done: (result: { code: number; error?: Error }) => void): void;
  shutdown(): Promise<void>;
}

export interface ScoreQueueOptions {
  sender: ScoreSender;
  /** One that gives up soon, for a process that is about to end. */
  lastSender: () => ScoreSender;
  flushIntervalMs: number;
}

export class ScoreQueue {
  readonly #options: ScoreQueueOptions;
  #sender: ScoreSender;
  #isLast = false;
  #isStopped = false;
  #waiting: EncodedSpan[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;

  constructor(options: ScoreQueueOptions) {
    this.#options = options;
    this.#sender = options.sender;
  }

  /** false: it is dropped, and counted. */
  add(record: EncodedSpan): boolean {
    if (this.#isStopped || this.#waiting.length >= MOST_SCORES) {
      stats.scoresDropped++;
      return false;
    }
    this.#waiting.push(record);
    if (this.#waiting.length >= BATCH_SCORES) void this.#send();
    else this.#schedule();
    return true;
  }

  hurry(): void {
    if (this.#isLast) return;
    this.#isLast = true;
    this.#sender = this.#options.lastSender();
  }

  /** Resolves when the queue is empty. */
  async forceFlush(): Promise<void> {
    while (this.#waiting.length > 0 || this.#sending) await this.#send();
  }

  /** Without a flush: what still waits is dropped. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    stats.scoresDropped += this.#waiting.length;
    this.#waiting = [];
    await this.#sender.shutdown();
  }

  #schedule(): void {
    this.#timer ??= outsideRequests(() =>
      setTimeout(() => void this.#send(), this.#options.flushIntervalMs).unref(),
    );
  }

  #send(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#sending) return this.#sending;
    const batch = this.#waiting.splice(0, BATCH_SCORES);
    if (batch.length === 0) return Promise.resolve();
    this.#sending = outsideRequests(() => this.#export(batch)).finally(() => {
      this.#sending = undefined;
      if (this.#waiting.length > 0) this.#schedule();
    });
    return this.#sending;
  }

  /** Never rejects. */
  #export(batch: EncodedSpan[]): Promise<void> {
    return new Promise((resolve) => {
      const done = (error: unknown, isLost: boolean): void => {
        if (isLost) this.#lost(batch.length, error);
        else stats.scoresSent += batch.length;
        resolve();
      };
      try {
        asOwnExport(() =>
          this.#sender.export(batch, (result) => done(result.error, result.code !== 0)),
        );
      } catch (error) {
        countError("exporting scores", error);
        done(error, true);
      }
    });
  }

  #lost(scores: number, error: unknown): void {
    stats.scoresDropped += scores;
    warnOnce(
      "scores",
      `scores could not be delivered and are dropped while that lasts (counted in stats()): ${error instanceof Error ? error.message || error.name : "no reason given"}`,
    );
  }
}
