/**
 * How many calls are under way to one provider: as many as it takes. Fewer by half when it says that it is too much, one
 * more after twenty that went well. When it is away nobody calls it but one at a time, to see whether it is back; those
 * who wait lose nothing but time.
 */
const SUCCESSES_TO_GROW = 20;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

export interface GateStats {
  inFlight: number;
  limit: number;
  waiting: number;
  /** Why nobody calls it. */
  closed: string | undefined;
}

export class Gate {
  readonly #most: number;
  readonly #firstPauseMs: number;
  readonly #now: () => number;
  #limit: number;
  #inFlight = 0;
  #successes = 0;
  #waiting: (() => void)[] = [];
  #closed: { reason: string; until: number; pauseMs: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When a call last went well. */
  lastSuccess = -Infinity;

  /** @param pauseMs for which it is closed the first time */
  constructor(most: number, { now = () => performance.now(), pauseMs = FIRST_PAUSE_MS } = {}) {
    this.#firstPauseMs = pauseMs;
    this.#most = most;
    this.#limit = most;
    this.#now = now;
  }

  /** Resolves when a call may begin; give it back with one of the four methods below. */
  async enter(signal: AbortSignal): Promise<void> {
    while (!this.#hasRoom()) {
      signal.throwIfAborted();
      await this.#change(signal);
    }
    signal.throwIfAborted();
    this.#inFlight++;
  }

  succeeded(): void {
    this.lastSuccess = this.#now();
    this.#closed = undefined;
    if (++this.#successes >= SUCCESSES_TO_GROW && this.#limit < this.#most) {
      this.#limit++;
      this.#successes = 0;
    }
    this.#leave();
  }

  /** It was reached and did not do it, for a reason of the request's. */
  ended(): void {
    this.#leave();
  }

  tooMuch(): void {
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
    this.#successes = 0;
    this.#leave();
  }

  /** It is away, or wants a person: closed for longer each time that it still is. */
  close(reason: string): void {
    // Calls that were under way when it was closed say nothing new.
    if (this.#closed && this.#now() < this.#closed.until) return this.#leave();
    const pauseMs = Math.min(
      LONGEST_PAUSE_MS,
      (this.#closed?.pauseMs ?? this.#firstPauseMs / 2) * 2,
    );
    this.#closed = { reason, until: this.#now() + pauseMs, pauseMs };
    this.#wakeAfter(pauseMs);
    this.#leave();
  }

  stats(): GateStats {
    const { reason } = this.#closed ?? {};
    return {
      inFlight: this.#inFlight,
      limit: this.#limit,
      waiting: this.#waiting.length,
      closed: reason,
    };
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#wake();
  }

  #wakeAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // A timer may fire a little before its time by the other clock.
      const early = (this.#closed?.until ?? 0) - this.#now();
      if (early > 0) this.#wakeAfter(Math.ceil(early));
      else this.#wake();
    }, ms);
  }

  #hasRoom(): boolean {
    if (this.#closed) return this.#inFlight === 0 && this.#now() >= this.#closed.until;
    return this.#inFlight < this.#limit;
  }

  #leave(): void {
    this.#inFlight--;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.push(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }
}
