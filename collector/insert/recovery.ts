/**
 * What happens before anything else at start: every plan that is not done is executed again (the same bytes, the same
 * token); then, if the last stop was not clean, what is done is compared with what is there (reconcile.ts). Only after
 * that may views change.
 *
 * A block file that is damaged is made again from the log, under its old token: tables that have the block drop it, the
 * others take it. Nothing is released before it is done, so the log still has the records.
 */
import { backoffMs, pause, type BackoffOptions } from "./backoff.ts";
import type { Delivery } from "./delivery.ts";
import { isWhole } from "./block-mac.ts";
import type { Logger } from "../stages.ts";
import type { ClosedBlock } from "./open-block.ts";
import { tokenOf, type FoundPlan, type Plan, type Range } from "./plan.ts";
import type { Planner } from "./planner.ts";
import { compare, type Finding } from "./reconcile.ts";
import type { RowCounts, Store } from "./store.ts";

export interface RecoveryReport {
  /** Whether the last stop left nothing in doubt. */
  clean: boolean;
  replayedBatches: number;
  /** Of those, made again because their file was damaged. */
  reencodedBatches: number;
  /** Left for after the migration, because there is no schema to insert into yet. */
  deferredBatches: number;
  equalBatches: number;
  restoredBatches: number;
  /** These three need a person, and are logged as errors. */
  duplicateBatches: number;
  incompleteBatches: number;
  lostBatches: number;
}

export interface RecoveryContext {
  logId: string;
  store: Store;
  planner: Planner;
  delivery: Delivery;
  spoolDir: string;
  signal: AbortSignal;
  backoff: BackoffOptions;
  log: Logger;
  /** How long rows may take to show up on another replica. */
  settleMs: number;
  /** Makes a range's block again. */
  encode: (range: Range) => Promise<ClosedBlock>;
  /** The batch is in. */
  commit: (plan: Plan) => Promise<void>;
}

export function emptyReport(clean: boolean): RecoveryReport {
  return {
    clean,
    replayedBatches: 0,
    reencodedBatches: 0,
    deferredBatches: 0,
    equalBatches: 0,
    restoredBatches: 0,
    duplicateBatches: 0,
    incompleteBatches: 0,
    lostBatches: 0,
  };
}

export class Recovery {
  readonly #context: RecoveryContext;
  readonly report: RecoveryReport;

  constructor(context: RecoveryContext, report: RecoveryReport) {
    this.#context = context;
    this.report = report;
  }

  /** The plan whose block file is right; made again when it is not. */
  async repaired(found: FoundPlan): Promise<Plan> {
    const { spoolDir, planner, log, logId, encode } = this.#context;
    const { plan } = found;
    if (plan && (await isWhole(plan, spoolDir))) return plan;
    log("warn", `insert: block ${found.seqFrom}-${found.seqTo} is damaged, making it again`);
    if (plan) await this.#describe(plan);
    this.report.reencodedBatches++;
    const again = await planner.plan(
      await encode(found),
      plan ?? { token: tokenOf(logId, found), logId },
    );
    if (plan && !sameRows(plan, again)) {
      log("error", `insert: block ${plan.token} has other rows by day than planned`);
    }
    return again;
  }

  /** Resolves to false when the batch is not in: stopped before, or refused for its contents. */
  async replay(plan: Plan): Promise<boolean> {
    if (plan.rows > 0) {
      const { outcome } = await this.#context.delivery.deliver(plan, true);
      if (outcome !== "sent") return false;
    }
    await this.#context.commit(plan);
    this.report.replayedBatches++;
    return true;
  }

  async reconcile(plans: readonly Plan[]): Promise<void> {
    const filled = plans.filter((plan) => plan.rows > 0);
    for (const ofLog of Map.groupBy(filled, (plan) => plan.logId).values()) {
      const counts = await this.#untilAnswered(() => this.#count(ofLog));
      if (!counts) return;
      for (const plan of ofLog) await this.#settle(plan, compare(plan, counts));
    }
  }

  async #settle(plan: Plan, finding: Finding): Promise<void> {
    const { log } = this.#context;
    const days = finding.state === "equal" ? "" : finding.days.join(", ");
    if (finding.state === "equal") this.report.equalBatches++;
    if (finding.state === "missing") await this.#restore(plan);
    if (finding.state === "duplicate") {
      this.report.duplicateBatches++;
      log("error", `insert: batch ${plan.token} has more rows than planned on ${days}`);
    }
    if (finding.state === "incomplete") {
      this.report.incompleteBatches++;
      log("error", `insert: batch ${plan.token} has lost some of its rows on ${days}`);
    }
  }

  async #restore(plan: Plan): Promise<void> {
    const { spoolDir, log, signal } = this.#context;
    if (!(await isWhole(plan, spoolDir))) {
      this.report.lostBatches++;
      log("error", `insert: batch ${plan.token} is missing in the store and its block is gone`);
      return;
    }
    const finding = await this.#untilAnswered(() => this.#sendMissing(plan));
    if (!finding || signal.aborted) return;
    if (finding.state !== "equal") return this.#giveUp(plan, finding);
    this.report.restoredBatches++;
    log("warn", `insert: batch ${plan.token} was missing in the store and is restored`);
  }

  #giveUp(plan: Plan, finding: Finding): Promise<void> | void {
    if (finding.state !== "missing") return this.#settle(plan, finding);
    this.report.lostBatches++;
    this.#context.log("error", `insert: batch ${plan.token} cannot be restored`);
  }

  /** First under its own token, to every table that does not know it; then what is missing to its tables, under derived ones. Safe to run again from the start at any point. */
  async #sendMissing(plan: Plan): Promise<Finding> {
    const { store, signal } = this.#context;
    await store.insert(plan, plan.token, signal);
    let finding = await this.#settled(plan);
    for (let n = 1; n <= 3 && finding.state === "missing"; n++) {
      const token = `${plan.token}/${finding.days.join("+")}/${n}`;
      await store.insertPlaces(plan, finding.days, token, signal);
      finding = await this.#settled(plan);
    }
    return finding;
  }

  /** On a cluster the rows may be on another replica for a moment. */
  async #settled(plan: Plan): Promise<Finding> {
    const { settleMs, signal } = this.#context;
    const until = Date.now() + settleMs;
    for (;;) {
      const finding = compare(plan, await this.#count([plan]));
      if (finding.state !== "missing" || Date.now() >= until || signal.aborted) return finding;
      await pause(Math.min(500, settleMs), signal);
    }
  }

  #count(plans: readonly Plan[]): Promise<RowCounts> {
    return this.#context.store.count(plans, this.#context.signal);
  }

  async #describe(plan: Plan): Promise<void> {
    const counts = await this.#untilAnswered(() => this.#count([plan]));
    const state = counts ? compare(plan, counts).state : "unknown";
    this.#context.log("info", `insert: the store's rows of block ${plan.token}: ${state}`);
  }

  /** Undefined when stopped. */
  async #untilAnswered<T>(ask: () => Promise<T>): Promise<T | undefined> {
    const { signal, backoff, log } = this.#context;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        return await ask();
      } catch (error) {
        if (signal.aborted) break;
        log("warn", `insert: reconciliation failed, trying again: ${String(error).slice(0, 300)}`);
        await pause(backoffMs(attempt, backoff), signal);
      }
    }
    return undefined;
  }
}

function sameRows(a: Plan, b: Plan): boolean {
  const text = ({ rowsByDay }: Plan) =>
    Object.entries(rowsByDay)
      .map(([day, rows]) => `${day} ${rows}`)
      .sort()
      .join();
  return text(a) === text(b);
}
