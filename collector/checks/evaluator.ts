/**
 * Evaluates each check at its ticks: whole multiples of `every`, in event time, each when it has settled. After a pause it
 * catches up, tick by tick, as far as is of use. The clock is an argument, so that a replay and a test can move it.
 *
 * What a tick found is written before the next one; only then is it handed on. A tick that cannot be evaluated or
 * written is tried again and holds up its own check alone.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import type { Logger } from "../stages.ts";
import type { Check } from "./definition.ts";
import { evaluateCheck, rowKey } from "./evaluate.ts";
import { readNewest, writeResults, type CheckResult } from "./results.ts";

const DAY = 86_400;
/** A series that said nothing for so long begins anew. */
const REMEMBERED = 35 * DAY;
/** Ticks of one check that are caught up with; older ones are passed over, and counted. */
const MOST_CAUGHT_UP = 60;
const LOG_EVERY_MS = 60_000;

export interface EvaluatorOptions {
  client: ClickHouseClient;
  checks: readonly Check[];
  log: Logger;
  /** @default Date.now */
  now?: () => number;
  /** Results of one check's tick, after they were written. */
  onResults?: (rows: readonly CheckResult[]) => Promise<void>;
  /** @default writeResults to the client; a replay keeps them to itself */
  write?: (rows: readonly CheckResult[]) => Promise<void>;
}

export interface EvaluatorStats {
  ticks: number;
  failedTicks: number;
  skippedTicks: number;
  /** Series by state, of each series' newest row. */
  series: ReadonlyMap<string, number>;
  /** Of the check that is furthest behind: how long ago its newest tick should have been followed by another. */
  lagSeconds: number;
}

export class Evaluator {
  readonly #options: Required<EvaluatorOptions>;
  readonly #checks: readonly Check[];
  readonly #rows = new Map<string, Map<string, CheckResult>>();
  readonly #done = new Map<string, number>();
  /** By check. */
  readonly #remembered = new Map<string, { name: string; loaded: Promise<unknown> }>();
  readonly #counts = { ticks: 0, failedTicks: 0, skippedTicks: 0 };
  #loggedAt = -Infinity;
  #loaded = false;

  constructor(options: EvaluatorOptions) {
    const { client } = options;
    this.#options = {
      now: Date.now,
      onResults: async () => {},
      write: (rows) => writeResults(client, rows),
      ...options,
    };
    // Those that mute come first, so that what they found counts at once.
    const muting = new Set(options.checks.flatMap((check) => check.muted_by));
    this.#checks = options.checks.toSorted(
      (a, b) => Number(muting.has(b.name)) - Number(muting.has(a.name)),
    );
  }

  /** Goes on where the stored rows end, which are returned; where there are none, every check begins at its next tick. */
  async load(): Promise<CheckResult[]> {
    const to = Math.floor(this.#options.now() / 1_000);
    const rows = await readNewest(this.#options.client, { from: to - REMEMBERED, to });
    for (const row of rows) this.#remember(row);
    this.begin();
    return rows;
  }

  get loaded(): boolean {
    return this.#loaded;
  }

  /** Without stored rows. */
  begin(): void {
    for (const check of this.#checks)
      if (!this.#done.has(check.name)) this.#done.set(check.name, this.#dueAt(check));
    this.#loaded = true;
  }

  /** Every tick that is due; never rejects. */
  async runDue(): Promise<void> {
    if (!this.#loaded) return;
    for (const check of this.#checks) {
      try {
        await this.#catchUp(check);
      } catch (error) {
        this.#counts.failedTicks++;
        this.#say(`${check.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  stats(): EvaluatorStats {
    const series = new Map<string, number>();
    for (const rows of this.#rows.values())
      for (const { state, project } of rows.values())
        if (project !== "") series.set(state, (series.get(state) ?? 0) + 1);
    const lags = this.#checks.map(
      (check) => this.#dueAt(check) - (this.#done.get(check.name) ?? 0),
    );
    return { ...this.#counts, series, lagSeconds: this.#loaded ? Math.max(0, ...lags) : 0 };
  }

  #dueAt({ every, settle }: Check): number {
    const settled = Math.floor(this.#options.now() / 1_000) - settle;
    return settled - (settled % every);
  }

  async #catchUp(check: Check): Promise<void> {
    const due = this.#dueAt(check);
    const last = this.#done.get(check.name)!;
    const oldest = due - (MOST_CAUGHT_UP - 1) * check.every;
    const from = Math.max(last + check.every, oldest);
    this.#counts.skippedTicks += Math.max(0, Math.floor((from - last) / check.every) - 1);
    for (let at = from; at <= due; at += check.every) await this.#tick(check, at);
  }

  async #tick(check: Check, at: number): Promise<void> {
    const { client, now, write, onResults } = this.#options;
    const previous = this.#rows.get(check.name) ?? new Map<string, CheckResult>();
    const rows = await evaluateCheck({
      client,
      check,
      at,
      evaluatedAtUnixMs: now(),
      previous,
      isMuted: (project) => this.#firesFor(check.muted_by, project),
      remembered: (name, load) => this.#once(check.name, name, load),
    });
    await write(rows);
    for (const row of rows) this.#remember(row);
    for (const [key, row] of previous) if (at - row.event_time > REMEMBERED) previous.delete(key);
    this.#done.set(check.name, at);
    this.#counts.ticks++;
    await onResults(rows);
  }

  async #once<T>(check: string, name: string, load: () => Promise<T>): Promise<T> {
    const known = this.#remembered.get(check);
    if (known?.name === name) return known.loaded as Promise<T>;
    const loaded = load();
    this.#remembered.set(check, { name, loaded });
    // One that failed is loaded anew.
    loaded.catch(() => this.#remembered.delete(check));
    return loaded;
  }

  #firesFor(names: readonly string[], project: string): boolean {
    return names.some((name) =>
      [...(this.#rows.get(name)?.values() ?? [])].some(
        (row) => row.project === project && row.state === "firing",
      ),
    );
  }

  #remember(row: CheckResult): void {
    const rows = this.#rows.get(row.check_name) ?? new Map<string, CheckResult>();
    this.#rows.set(row.check_name, rows);
    rows.set(rowKey(row.project, row.series), row);
    const done = this.#done.get(row.check_name) ?? 0;
    this.#done.set(row.check_name, Math.max(done, row.event_time));
  }

  #say(message: string): void {
    const now = this.#options.now();
    if (now - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = now;
    this.#options.log("warn", `checks: ${message}; trying again`);
  }
}
