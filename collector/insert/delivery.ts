/**
 * Gets one planned block into the store: the same bytes under the same token, for as long as it takes.
 *
 * Ends in one of three ways: `sent`; `stopped`, when `signal` aborts; `poison`, when the store has read the block twice
 * and refused its contents with the same code, and nothing of it is stored. Only then may the block be cut into others:
 * else they would store rows twice, and the line waits for a person instead. A block that cannot be read could not be
 * read before either, whatever became of the answers to earlier attempts, even of another process.
 */
import { backoffMs, pause, type BackoffOptions } from "./backoff.ts";
import { configReason, failureOf, type InsertFailure } from "./failure.ts";
import type { Plan } from "./plan.ts";
import type { Store } from "./store.ts";
import type { Logger } from "../stages.ts";

export type Delivered =
  /** `repeated`: an earlier attempt may have stored some of it, and the store recognized what it had. */
  | { outcome: "sent"; repeated: boolean }
  | { outcome: "stopped" }
  | { outcome: "poison"; failure: InsertFailure };

export interface DeliveryOptions {
  store: Store;
  log: Logger;
  signal: AbortSignal;
  backoff: BackoffOptions;
}

export class Delivery {
  readonly #options: DeliveryOptions;
  /** By ClickHouse code, or the system's. */
  readonly failedAttempts = new Map<string, number>();
  /** Why a person is needed; undefined while all is well or the store is merely away. */
  blocked: string | undefined;
  sentSpans = 0;
  sentBatches = 0;
  lastInsertMs = 0;
  inFlight = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** `inDoubt`: an earlier process may have tried. */
  async deliver(plan: Plan, inDoubt: boolean): Promise<Delivered> {
    const { signal, backoff } = this.#options;
    let doubt = inDoubt;
    let previous: InsertFailure | undefined;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const failure = await this.#attempt(plan);
      if (!failure) return { outcome: "sent", repeated: doubt };
      if (signal.aborted) break;
      doubt ||= failure.inDoubt;
      const twice = failure.kind === "poison" && previous?.code === failure.code;
      if (twice && !failure.inDoubt && (await this.#isAbsent(plan)))
        return { outcome: "poison", failure };
      this.#note(plan, failure, twice);
      previous = failure;
      // Somebody has to act first: no need to hurry.
      await pause(backoffMs(this.blocked ? attempt + 4 : attempt, backoff), signal);
    }
    return { outcome: "stopped" };
  }

  block(reason: string): void {
    if (this.blocked === reason) return;
    this.blocked = reason;
    this.#options.log("error", `insert: waiting for a person: ${reason}`);
  }

  #unblock(): void {
    if (this.blocked) this.#options.log("info", "insert: going on");
    this.blocked = undefined;
  }

  async #attempt(plan: Plan): Promise<InsertFailure | undefined> {
    const start = performance.now();
    this.inFlight++;
    try {
      await this.#options.store.insert(plan, plan.token, this.#options.signal);
    } catch (error) {
      return this.#failed(failureOf(error));
    } finally {
      this.inFlight--;
    }
    this.lastInsertMs = performance.now() - start;
    this.sentSpans += plan.rows;
    this.sentBatches++;
    this.#unblock();
    return undefined;
  }

  #failed(failure: InsertFailure): InsertFailure {
    this.failedAttempts.set(failure.code, (this.failedAttempts.get(failure.code) ?? 0) + 1);
    return failure;
  }

  #note(plan: Plan, failure: InsertFailure, twice: boolean): void {
    const { kind, code, message } = failure;
    const text = `${code} ${message.slice(0, 300)}`;
    if (kind === "config") return this.block(`${configReason(failure)}: ${text}`);
    if (twice)
      return this.block(`block ${plan.token} is refused and may be partly stored: ${text}`);
    this.#options.log("warn", `insert: block ${plan.token} failed, trying again: ${text}`);
  }

  /** Poison is only cut up when the store has nothing of it. */
  async #isAbsent(plan: Plan): Promise<boolean> {
    try {
      const counts = await this.#options.store.count([plan], this.#options.signal);
      return !counts.has(plan.seqFrom);
    } catch {
      // Not known: the next failed attempt asks again.
      return false;
    }
  }
}
