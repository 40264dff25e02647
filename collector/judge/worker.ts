/**
 * Judging, in the background of the collector: a window of settled traces at a time. Of each window it is noted that it
 * begins, all of its traffic is counted, the chosen records are judged, their scores stored as they come, and it is noted
 * that it is done. A process that dies in between does the window again, and pays only for what was not stored.
 *
 * Another configuration is taken up between two windows; a window that waits for a provider that is closed is begun again
 * under it, because the provider may be what was changed.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ClickHouseClient } from "@clickhouse/client";
import type { Logger } from "../stages.ts";
import { describeJudges } from "./describe-judges.ts";
import { Budget, type BudgetStats } from "./budget.ts";
import { normalisedQuestion, type JudgeConfig } from "./config.ts";
import { inParallel } from "./in-parallel.ts";
import { readProgress, writeProgress, type Progress } from "./position-file.ts";
import { Providers, type ProviderStats } from "./providers.ts";
import { judgedRecord, recordOf, type Candidate, type SpanContent } from "./record.ts";
import { candidatesOf, contentsOf, nextPosition, spansOf, START } from "./records.ts";
import { insertDecisions, insertTraffic, type Reason } from "./rows.ts";
import { ScoreBatch } from "./score-batch.ts";
import type { Chosen, ScoreRow } from "./score-row.ts";
import { NOTHING_STORED, Scoring, type ScoringContext, type ScoringStats } from "./scoring.ts";
import { spentToday, storedScores } from "./stored-scores.ts";
import { choose, type ChosenRecord } from "./traffic.ts";

const TRACES_PER_WINDOW = 20_000;
/** Some are called for, some wait to be stored. */
const RECORDS_AT_ONCE = 256;
const POLL_MS = 5_000;
const RETRY_MS = 5_000;

export interface JudgeStats extends ScoringStats {
  /** Traces that settled, by what became of them. */
  records: ReadonlyMap<Reason, number>;
  composites: number;
  budget: BudgetStats;
  providers: readonly ProviderStats[];
  /** How long ago the trace settled that is next. */
  lagMs: number;
}

export interface JudgeWorkerOptions {
  config: JudgeConfig;
  client: ClickHouseClient;
  /** The log's id: whose spans are judged. */
  collectorId: string;
  positionFile: string;
  /** Everything received before this is in the store; undefined: not known now. */
  storedThroughUnixMs: () => number | undefined;
  /** Told of scores when they are stored. */
  onStored?: (rows: readonly ScoreRow[]) => void;
  log: Logger;
  now?: () => number;
  /** Between looks for settled traces. */
  pollMs?: number;
  /** For which a provider that is away is left alone at first; see gate.ts. */
  closedPauseMs?: number;
  /** Between attempts at a call; see ask.ts. */
  pauseMs?: (attempt: number) => number;
}

export class JudgeWorker {
  readonly #options: JudgeWorkerOptions;
  readonly #now: () => number;
  readonly #budget: Budget;
  readonly #scoring: Scoring;
  readonly #batch: ScoreBatch;
  readonly #stopping = new AbortController();
  readonly #records = new Map<Reason, number>();
  #config: JudgeConfig;
  #providers: Providers;
  /** To be taken up when the window under way is done. */
  #next: JudgeConfig | undefined;
  #window = new AbortController();
  #composites = 0;
  #progress: Progress = { done: START };
  #running: Promise<void> | undefined;

  constructor(options: JudgeWorkerOptions) {
    const { config, closedPauseMs, pauseMs, now = Date.now } = options;
    this.#options = options;
    this.#now = now;
    this.#config = config;
    this.#budget = new Budget(config.usdPerDay, { now });
    this.#scoring = new Scoring({ budget: this.#budget, now, pauseMs });
    this.#providers = new Providers(config.providers, closedPauseMs);
    this.#batch = new ScoreBatch({
      client: options.client,
      log: options.log,
      signal: this.#stopping.signal,
      retryMs: options.pollMs ?? RETRY_MS,
    });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** What is under way is left: it is judged after the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#window.abort();
    this.#providers.stop();
    await this.#running;
  }

  /** From the next window on. */
  reconfigure(config: JudgeConfig): void {
    this.#next = config;
    this.#leaveClosed();
  }

  stats(): JudgeStats {
    return {
      records: this.#records,
      ...this.#scoring.stats(),
      composites: this.#composites,
      budget: this.#budget.stats(),
      providers: this.#providers.stats(),
      lagMs: this.#progress.window
        ? Math.max(0, this.#now() - this.#progress.window.to.settledUnixMs)
        : 0,
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let begun = false;
    while (!signal.aborted) {
      try {
        if (!begun) await this.#begin();
        begun = true;
        this.#takeUp();
        if (!(await this.#judgeWindow()))
          await delay(this.#options.pollMs ?? POLL_MS, undefined, { signal });
      } catch (error) {
        if (signal.aborted) return;
        if (this.#window.signal.aborted) continue;
        const why = error instanceof Error ? error.message : String(error);
        this.#options.log("warn", `judge: ${why.slice(0, 300)}; trying again`);
        await delay(this.#options.pollMs ?? RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
  }

  /** From now on, at the very first start: earlier traffic is judged only when somebody asks for it. */
  async #begin(): Promise<void> {
    const { client, positionFile } = this.#options;
    this.#progress = (await readProgress(positionFile)) ?? {
      done: { settledUnixMs: this.#now(), traceId: "" },
    };
    await writeProgress(positionFile, this.#progress);
    await describeJudges(client, this.#config.judges, this.#now());
    this.#budget.addSpent(await spentToday(client, this.#now()));
  }

  #takeUp(): void {
    if (this.#window.signal.aborted) this.#window = new AbortController();
    if (!this.#next) return;
    this.#providers.stop();
    this.#config = this.#next;
    this.#next = undefined;
    this.#providers = new Providers(this.#config.providers, this.#options.closedPauseMs);
    this.#budget.limitTo(this.#config.usdPerDay);
  }

  /** A window does not wait for a provider that may be one no more. */
  #leaveClosed(): void {
    if (!this.#next || this.#stopping.signal.aborted) return;
    if (this.#providers.someClosed) this.#window.abort();
    else setTimeout(() => this.#leaveClosed(), this.#options.pollMs ?? POLL_MS).unref();
  }

  /** Resolves to false when nothing has settled. */
  async #judgeWindow(): Promise<boolean> {
    const { client, collectorId, positionFile } = this.#options;
    const resumed = this.#progress.window;
    const window = resumed ?? (await this.#nextWindow());
    if (!window) return false;
    if (!resumed) {
      this.#progress = { done: this.#progress.done, window };
      await writeProgress(positionFile, this.#progress);
    }
    const candidates = await candidatesOf(client, collectorId, window);
    const signal = AbortSignal.any([this.#stopping.signal, this.#window.signal]);
    await this.#judgeTraces(window, candidates, { signal, isResumed: resumed !== undefined });
    this.#progress = { done: window.to };
    await writeProgress(positionFile, this.#progress);
    return true;
  }

  async #nextWindow(): Promise<Progress["window"]> {
    const { client, collectorId, storedThroughUnixMs } = this.#options;
    const stored = storedThroughUnixMs();
    if (stored === undefined) return undefined;
    const from = this.#progress.done;
    const untilUnixMs = Math.min(this.#now() - this.#config.settleMs, stored);
    const limit = TRACES_PER_WINDOW;
    const to = await nextPosition(client, { collectorId, from, untilUnixMs, limit });
    return to && { from, to, factor: this.#budget.takeFactor() };
  }

  async #judgeTraces(
    { from, factor }: NonNullable<Progress["window"]>,
    candidates: readonly Candidate[],
    { signal, isResumed }: { signal: AbortSignal; isResumed: boolean },
  ): Promise<void> {
    const { client, collectorId } = this.#options;
    const { profiles } = this.#config;
    const choice = choose(candidates, profiles, { factor, nowUnixMs: this.#now() });
    for (const [reason, count] of choice.records)
      this.#records.set(reason, (this.#records.get(reason) ?? 0) + count);
    const place = `${from.settledUnixMs}-${from.traceId}`;
    await insertTraffic(client, choice.traffic, `${collectorId}/traffic/${place}`);
    await insertDecisions(client, choice.decisions, `${collectorId}/decisions/${place}`);
    const answered = choice.chosen.map(({ record }) => record.answered);
    const [spans, contents] = await Promise.all([
      spansOf(client, answered),
      contentsOf(client, answered),
    ]);
    const ids = answered.map(({ traceId }) => traceId);
    const stored = isResumed ? await storedScores(client, ids) : NOTHING_STORED;
    const context = { providers: this.#providers, stored, signal };
    await inParallel(choice.chosen, RECORDS_AT_ONCE, async (one) => {
      const { traceId } = one.record.answered;
      const record = recordOf(spans.get(traceId) ?? []);
      // Past its retention since it was chosen.
      if (!record) return;
      await this.#judgeRecord({ ...one, record }, contents.get(traceId) ?? new Map(), context);
    });
  }

  async #judgeRecord(
    { profile, ...chosen }: ChosenRecord,
    contents: ReadonlyMap<string, SpanContent>,
    context: ScoringContext,
  ): Promise<void> {
    const { golden, canaryReferences } = this.#config;
    const { referenceFrom, ...judged } = judgedRecord(
      chosen.record,
      contents,
      (question) => golden.get(normalisedQuestion(question)),
      (question) => canaryReferences.get(normalisedQuestion(question)),
    );
    const whole: Chosen = { ...chosen, referenceFrom, purpose: "traffic" };
    const rows = await this.#scoring.rowsOf(profile, judged, whole, context);
    if (rows.length === 0) return;
    await this.#batch.store(rows);
    this.#options.onStored?.(rows);
    if (rows.some((row) => row["role"] === "composite")) this.#composites++;
  }
}
