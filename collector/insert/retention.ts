/**
 * Blocks that are inserted are kept for a while, so that reconciliation can send again what a store lost with its
 * unsynced writes. Bounded in seconds and in bytes. The plans, which are small, stay for longer: they go by the
 * dozen, after the ledger has taken note of them.
 */
import type { Ledger } from "./ledger.ts";
import type { Planner } from "./planner.ts";
import type { Plan, PlanFiles } from "./plan.ts";

export interface RetentionOptions {
  /** Longer than a kernel takes to write back everything. */
  keepMs: number;
  /** The engine's own syncs make them unlikely to be needed; fresh pages for files that are kept cost as much as writing them. */
  keepBytes: number;
  /** The newest ones; the older go when there are half as many again. @default 64 */
  keepPlans: number;
}

interface RetentionParts {
  planner: Planner;
  files: PlanFiles;
  ledger: Ledger;
}

interface Kept {
  plan: Plan;
  doneAt: number;
}

export class Retention {
  readonly #options: RetentionOptions & RetentionParts;
  #blocks: Kept[] = [];
  #plans: Plan[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RetentionOptions & RetentionParts) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#blocks.reduce((sum, { plan }) => sum + plan.byteLength, 0);
  }

  get plans(): readonly Plan[] {
    return this.#plans;
  }

  add(plan: Plan, doneAt = Date.now()): void {
    this.#plans.push(plan);
    if (plan.block) this.#blocks.push({ plan, doneAt });
  }

  /** Removes what is too old or too much. Called after every batch, and by a timer when none comes. */
  async expire(now = Date.now()): Promise<void> {
    const { keepMs, keepBytes, keepPlans, planner, files, ledger } = this.#options;
    const gone: Plan[] = [];
    while (this.#blocks[0] && (now - this.#blocks[0].doneAt >= keepMs || this.bytes > keepBytes)) {
      const kept = this.#blocks.shift();
      if (kept) gone.push(kept.plan);
    }
    const stillHere = new Set(this.#blocks.map(({ plan }) => plan));
    const old = this.#plans
      .slice(0, Math.max(0, this.#plans.length - keepPlans))
      .filter((plan) => !stillHere.has(plan));
    if (this.#blocks.length > 0) await planner.retireBlocks(gone);
    else await this.#removeAll(gone);
    if (old.length < keepPlans / 2) return;
    await ledger.save();
    this.#plans = this.#plans.filter((plan) => !old.includes(plan));
    await files.remove(old, "done");
  }

  /** No batch has come for a while: nothing will be written over soon. */
  async #removeAll(gone: readonly Plan[]): Promise<void> {
    const { planner } = this.#options;
    await planner.removeBlocks(gone);
    await planner.removeSpare();
  }

  /** Expires by itself while no batch comes. `onError` hears of a disk that does not let go. */
  watch(onError: (error: unknown) => void): void {
    const period = Math.max(1000, this.#options.keepMs / 4);
    this.#timer = setInterval(() => void this.expire().catch(onError), period).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
