/**
 * The money of a configuration: by day, by month, and with a part of both set aside for strata that must not go without
 * (`reserve`). A stratum with a reserve spends that alone; all others share the rest. What is spent is within the limit of
 * the day and of the month both.
 */
import { Budget, DAY, MONTH, type BudgetStats, type Reservation } from "./budget.ts";

export interface MoneyLimits {
  usdPerDay: number | undefined;
  usdPerMonth: number | undefined;
  /** Shares, by name of the stratum; less than 1 together. */
  reserves: ReadonlyMap<string, number>;
}

export interface Purse {
  /** Resolves when the call may be made; to undefined when the money is spent. */
  reserve(spender: string, mostUsd: number, signal?: AbortSignal): Promise<Reservation | undefined>;
}

/** What was spent before this process began, in USD. */
export interface SpentBefore {
  stratum: string;
  today: number;
  month: number;
}

export class Money {
  readonly #now: () => number;
  readonly #reserved = new Map<string, Both>();
  readonly #common: Both;
  #limits: MoneyLimits;

  constructor(limits: MoneyLimits, { now = Date.now } = {}) {
    this.#now = now;
    this.#limits = limits;
    this.#common = new Both(now);
    this.limitTo(limits);
  }

  /** From now on; what is spent stays spent. */
  limitTo(limits: MoneyLimits): void {
    this.#limits = limits;
    let rest = 1;
    for (const [stratum, share] of limits.reserves) {
      if (!this.#reserved.has(stratum)) this.#reserved.set(stratum, new Both(this.#now));
      this.#reserved.get(stratum)!.limitTo(limits, share);
      rest -= share;
    }
    this.#common.limitTo(limits, rest);
  }

  addSpent({ stratum, today, month }: SpentBefore): void {
    this.of(stratum).addSpent(today, month);
  }

  of(stratum: string): Both {
    const own = this.#limits.reserves.has(stratum) ? this.#reserved.get(stratum) : undefined;
    return own ?? this.#common;
  }

  /** Of the day, in all; the factor is that of strata without a reserve. */
  stats(): BudgetStats & { monthUsd: number } {
    const all = [this.#common, ...this.#reserved.values()];
    const sum = (value: (one: Both) => number): number =>
      all.reduce((so, one) => so + value(one), 0);
    return {
      spentUsd: sum(({ day }) => day.stats().spentUsd),
      monthUsd: sum(({ month }) => month.stats().spentUsd),
      limitUsd: this.#limits.usdPerDay,
      factor: this.#common.factor,
    };
  }
}

/** A day's money and a month's: a call takes from both. */
class Both implements Purse {
  readonly day: Budget;
  readonly month: Budget;
  #taken = 1;

  constructor(now: () => number) {
    this.day = new Budget(undefined, { now, period: DAY });
    this.month = new Budget(undefined, { now, period: MONTH });
  }

  limitTo({ usdPerDay, usdPerMonth }: MoneyLimits, share: number): void {
    this.day.limitTo(usdPerDay === undefined ? undefined : usdPerDay * share);
    this.month.limitTo(usdPerMonth === undefined ? undefined : usdPerMonth * share);
  }

  addSpent(today: number, month: number): void {
    this.day.addSpent(today);
    this.month.addSpent(month);
  }

  get factor(): number {
    return Math.min(this.day.factor, this.month.factor);
  }

  /**
   * The same, for records that are chosen by it from now on. While what was chosen before waits to be judged it does not rise:
   * nothing is spent then, and the money would seem to last for more.
   */
  takeFactor({ mayRise = true } = {}): number {
    const factor = mayRise ? this.factor : Math.min(this.factor, this.#taken);
    this.#taken = factor;
    this.day.choseBy(factor);
    this.month.choseBy(factor);
    return factor;
  }

  async reserve(
    spender: string,
    mostUsd: number,
    signal?: AbortSignal,
  ): Promise<Reservation | undefined> {
    const ofDay = await this.day.reserve(spender, mostUsd, signal);
    if (!ofDay) return undefined;
    const ofMonth = await this.month.reserve(spender, mostUsd, signal).catch((error: unknown) => {
      ofDay.settle(undefined);
      throw error;
    });
    if (!ofMonth) {
      ofDay.settle(undefined);
      return undefined;
    }
    return {
      settle(costUsd) {
        ofDay.settle(costUsd);
        ofMonth.settle(costUsd);
      },
    };
  }
}
