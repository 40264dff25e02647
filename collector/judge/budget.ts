/**
 * Money for judging: what is spent today, and by how much probabilities are lowered so that it lasts until midnight (UTC).
 *
 * The probability that a record was chosen with is written to its scores, so that a lower one widens intervals and biases
 * nothing. It never becomes 0: below the minimum nothing is lowered, and when all is spent, what was chosen fails with the
 * reason `budget`, which is counted. A call is made only when what calls cost so far says that it fits, so that at most
 * one call a judge is more than there was.
 */
const DAY_MS = 86_400_000;
/** How far a day's share may be ahead of the clock. */
const HEAD_START = 0.05;
/** Of what a call costs: how much the last one counts. */
const RECENT = 0.1;

export interface BudgetStats {
  spentUsd: number;
  limitUsd: number | undefined;
  /** What probabilities are multiplied by. */
  factor: number;
}

export class Budget {
  readonly #limit: number | undefined;
  readonly #now: () => number;
  #day = -1;
  #spent = 0;
  /** Expected cost of calls under way. */
  #reserved = 0;
  #perCall = 0;

  /** @param spentToday before this process began */
  constructor(limitUsd: number | undefined, { spentToday = 0, now = Date.now } = {}) {
    this.#limit = limitUsd;
    this.#now = now;
    this.#day = Math.floor(now() / DAY_MS);
    this.#spent = spentToday;
  }

  /** From what is left and what is left of the day; at most 1. */
  get factor(): number {
    if (this.#limit === undefined) return 1;
    this.#turn();
    const left = this.#limit - this.#spent - this.#reserved;
    if (left <= 0) return 0;
    const ofDay = (this.#now() % DAY_MS) / DAY_MS;
    const due = Math.min(1, ofDay + HEAD_START) * this.#limit;
    const ahead = this.#spent + this.#reserved - due;
    if (ahead <= 0) return 1;
    // Ahead of the clock: what is left, over what would be spent if it went on like this; damped by the root.
    const wouldSpend = ((this.#spent + this.#reserved) / Math.max(ofDay, 0.001)) * (1 - ofDay);
    return Math.min(1, Math.sqrt(left / Math.max(wouldSpend, Number.EPSILON)));
  }

  /** Lowered by the factor, but not below the minimum. */
  lowered(probability: number, minimum: number): number {
    return Math.min(probability, Math.max(minimum, probability * this.factor));
  }

  /** What the call may cost is set aside; undefined when it is not there. Give it back with what the call did cost. */
  reserve(): { settle(costUsd: number | undefined): void } | undefined {
    this.#turn();
    const expected = this.#perCall;
    if (this.#limit !== undefined) {
      const used = this.#spent + this.#reserved;
      if (used >= this.#limit || used + expected > this.#limit) return undefined;
    }
    this.#reserved += expected;
    let settled = false;
    return {
      settle: (costUsd) => {
        if (settled) return;
        settled = true;
        this.#reserved -= expected;
        if (costUsd === undefined) return;
        this.#spent += costUsd;
        this.#perCall =
          this.#perCall === 0 ? costUsd : this.#perCall + RECENT * (costUsd - this.#perCall);
      },
    };
  }

  stats(): BudgetStats {
    this.#turn();
    return { spentUsd: this.#spent, limitUsd: this.#limit, factor: this.factor };
  }

  #turn(): void {
    const day = Math.floor(this.#now() / DAY_MS);
    if (day === this.#day) return;
    this.#day = day;
    this.#spent = 0;
  }
}
