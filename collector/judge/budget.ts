/**
 * Money for judging: what is spent today, or this month, and by how much probabilities are lowered so that it lasts until
 * midnight, or the month's end (UTC).
 *
 * The probability that a record was chosen with is written to its scores, so that a lower one widens intervals and biases
 * nothing. It never becomes 0: below the minimum nothing is lowered, and when all is spent, what was chosen fails with the
 * reason `budget`, which is counted.
 *
 * Before a call the most that it can cost is set aside. When that is more than there is, a judge still makes one call at
 * a time until the money is spent: so that no more is spent than the limit and one call of each judge, however many are
 * under way.
 */
const DAY_MS = 86_400_000;
/** Of the period: what is spent before it is over counts as if it took so long, since little is known yet. */
const SHORTEST_PART = 0.05;
/** Below it the minimum of probabilities is at work, and what is spent says nothing of the demand. */
const LEAST_FACTOR = 0.01;

/** Where the period that a moment is in begins and ends, in unix milliseconds. */
type Period = (unixMs: number) => { from: number; to: number };

export const DAY: Period = (unixMs) => {
  const from = Math.floor(unixMs / DAY_MS) * DAY_MS;
  return { from, to: from + DAY_MS };
};

export const MONTH: Period = (unixMs) => {
  const at = new Date(unixMs);
  const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
  return { from: Date.UTC(year, month), to: Date.UTC(year, month + 1) };
};

export interface BudgetStats {
  spentUsd: number;
  limitUsd: number | undefined;
  /** What probabilities are multiplied by. */
  factor: number;
}

export interface Reservation {
  /** What the call did cost; undefined: not known, or nothing. */
  settle(costUsd: number | undefined): void;
}

export class Budget {
  readonly #now: () => number;
  readonly #period: Period;
  readonly #underWay = new Map<string, number>();
  #limit: number | undefined;
  #from: number;
  #spent = 0;
  /** What the period would have cost so far at full probability. */
  #demand = 0;
  /** The factor of the records that are judged now. */
  #taken = 1;
  /** The most that calls under way can cost. */
  #reserved = 0;
  #changed = Promise.withResolvers<void>();

  constructor(limitUsd: number | undefined, { now = Date.now, period = DAY } = {}) {
    this.#limit = limitUsd;
    this.#now = now;
    this.#period = period;
    this.#from = period(now()).from;
  }

  /** What was spent in the period before this process began. */
  addSpent(usd: number): void {
    this.#spent += usd;
    this.#demand += usd;
  }

  /** From now on; what is spent stays spent. */
  limitTo(limitUsd: number | undefined): void {
    this.#limit = limitUsd;
    this.#wake();
  }

  /**
   * What probabilities are to be multiplied by now, so that the money lasts until the period's end: what is left, over what
   * the rest of it would cost at full probability, if it goes on as it did; at most 1.
   */
  get factor(): number {
    if (this.#limit === undefined) return 1;
    this.#turn();
    const left = this.#limit - this.#spent;
    if (left <= 0) return 0;
    const now = this.#now();
    const { from, to } = this.#period(now);
    const passed = (now - from) / (to - from);
    const wouldSpend = (this.#demand / Math.max(passed, SHORTEST_PART)) * (1 - passed);
    return Math.min(1, left / Math.max(wouldSpend, Number.EPSILON));
  }

  /** Records that are chosen from now on are chosen by probabilities multiplied by this. */
  choseBy(factor: number): void {
    this.#taken = factor;
  }

  /** Resolves when the call may be made; to undefined when the money is spent. Settle it with what the call did cost. */
  async reserve(
    spender: string,
    mostUsd: number,
    signal?: AbortSignal,
  ): Promise<Reservation | undefined> {
    for (;;) {
      this.#turn();
      if (this.#limit === undefined) return this.#reservation(spender, mostUsd);
      if (this.#spent >= this.#limit) return undefined;
      const fits = this.#spent + this.#reserved + mostUsd <= this.#limit;
      if (fits || !this.#underWay.get(spender)) return this.#reservation(spender, mostUsd);
      await this.#change(signal);
    }
  }

  stats(): BudgetStats {
    this.#turn();
    return { spentUsd: this.#spent, limitUsd: this.#limit, factor: this.factor };
  }

  #reservation(spender: string, mostUsd: number): Reservation {
    this.#reserved += mostUsd;
    this.#underWay.set(spender, (this.#underWay.get(spender) ?? 0) + 1);
    let settled = false;
    return {
      settle: (costUsd) => {
        if (settled) return;
        settled = true;
        this.#reserved -= mostUsd;
        this.#spent += costUsd ?? 0;
        this.#demand += (costUsd ?? 0) / Math.max(this.#taken, LEAST_FACTOR);
        const others = this.#underWay.get(spender)! - 1;
        if (others > 0) this.#underWay.set(spender, others);
        else this.#underWay.delete(spender);
        this.#wake();
      },
    };
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #change(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const aborted = Promise.withResolvers<void>();
    const stop = (): void => aborted.resolve();
    signal?.addEventListener("abort", stop, { once: true });
    await Promise.race([this.#changed.promise, aborted.promise]);
    signal?.removeEventListener("abort", stop);
    signal?.throwIfAborted();
  }

  #turn(): void {
    const { from } = this.#period(this.#now());
    if (from === this.#from) return;
    this.#from = from;
    this.#spent = 0;
    this.#demand = 0;
    this.#wake();
  }
}

/** Lowered by the budget's factor, but not below the minimum. */
export function lowered(probability: number, factor: number, minimum: number): number {
  return Math.min(probability, Math.max(minimum, probability * factor));
}
