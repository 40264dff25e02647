/**
 * Requests that the collector makes itself (the scores of its judges) on their way to the destinations that take logs.
 *
 * They are copies of what is stored already, so they do not go through the log: a bounded queue for each destination,
 * tried again while it says "later". What a full queue has no room for, and what waits when the collector stops, is
 * dropped and counted; the store has it.
 */
import type { Logger } from "../stages.ts";
import { pause, retryDelayMs, type BackoffOptions } from "./backoff.ts";
import type { Destination } from "./destination.ts";
import { createSpanFilter } from "./filter.ts";
import { createSender } from "./sender.ts";

const CAPACITY = 2_000;

export interface OwnRequestsStats {
  name: string;
  /** Log records. */
  sent: number;
  dropped: number;
  /** Left out by the destination's filter. */
  filtered: number;
  waiting: number;
}

export interface OwnRequests {
  /** Whether anybody takes them. */
  readonly isWanted: boolean;
  /** A logs request of one record. */
  offer(body: Uint8Array): void;
  stop(): Promise<void>;
  stats(): readonly OwnRequestsStats[];
}

export function createOwnRequests(
  destinations: readonly Destination[],
  log: Logger,
  { capacity = CAPACITY, backoff = {} }: { capacity?: number; backoff?: BackoffOptions } = {},
): OwnRequests {
  const lanes = destinations
    .filter(({ urls }) => urls.logs !== undefined)
    .map((destination) => new Lane(destination, { log, capacity, backoff }));
  return {
    isWanted: lanes.length > 0,
    offer: (body) => {
      for (const lane of lanes) lane.offer(body);
    },
    stop: async () => {
      await Promise.all(lanes.map((lane) => lane.stop()));
    },
    stats: () => lanes.map((lane) => lane.stats()),
  };
}

class Lane {
  readonly #destination: Destination;
  readonly #options: { log: Logger; capacity: number; backoff: BackoffOptions };
  readonly #sender;
  readonly #filter;
  readonly #stopping = new AbortController();
  readonly #counts = { sent: 0, dropped: 0, filtered: 0 };
  readonly #waiting: Uint8Array[] = [];
  #sending: Promise<void> | undefined;
  #hasWarned = false;

  constructor(
    destination: Destination,
    options: { log: Logger; capacity: number; backoff: BackoffOptions },
  ) {
    this.#destination = destination;
    this.#options = options;
    this.#sender = createSender(destination);
    this.#filter = createSpanFilter(destination.filter);
  }

  offer(body: Uint8Array): void {
    const selection = this.#filter.select(body, "logs", []);
    if (selection.spans === 0) this.#counts.filtered++;
    else if (this.#waiting.length >= this.#options.capacity || this.#stopping.signal.aborted)
      this.#drop("its queue is full");
    else {
      this.#waiting.push(selection.body);
      this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#sending;
    this.#counts.dropped += this.#waiting.splice(0).length;
    this.#sender.close();
  }

  stats(): OwnRequestsStats {
    return { name: this.#destination.name, ...this.#counts, waiting: this.#waiting.length };
  }

  async #sendAll(): Promise<void> {
    const { signal } = this.#stopping;
    while (this.#waiting.length > 0 && !signal.aborted) {
      if (await this.#send(this.#waiting[0]!)) this.#waiting.shift();
    }
  }

  /** Resolves to false when stopped: it is still waiting. */
  async #send(body: Uint8Array): Promise<boolean> {
    const { signal } = this.#stopping;
    const encoded = await this.#sender.encode(body);
    for (let attempt = 0; !signal.aborted; attempt++) {
      const answer = await this.#sender.send(encoded, "logs", signal);
      if (answer.kind === "accepted") {
        this.#counts.sent++;
        return true;
      }
      if (answer.kind !== "retry") {
        this.#drop(`${answer.code} ${answer.message}`);
        return true;
      }
      await pause(retryDelayMs(attempt, answer.afterMs, this.#options.backoff), signal);
    }
    return false;
  }

  /** Said once: what is dropped is counted. */
  #drop(why: string): void {
    this.#counts.dropped++;
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#options.log("warn", `forward: ${this.#destination.name}: a score was not sent: ${why}`);
  }
}
