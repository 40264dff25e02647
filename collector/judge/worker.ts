/**
 * Judging, in the background of the collector: a window of settled traces at a time. Of each window it is noted that it
 * begins, and it is decided on all of its traces; then it waits until its chosen records are judged, their scores stored as they
 * come, and it is noted that it is done. A process that dies in between does the same again, and pays only for what was not
 * stored. It is decided on the traffic while no judge answers, too: so it is known what is not judged.
 *
 * Another configuration is taken up between two windows; a window that waits for a provider that is closed is begun again
 * under it, because the provider may be what was changed.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ClickHouseClient } from "@clickhouse/client";
import type { Logger } from "../stages.ts";
import { describeJudges } from "./describe-judges.ts";
import { decideWindow, drawnIn, type Drawn } from "./decide.ts";
import { normalisedQuestion, type JudgeConfig } from "./config.ts";
import { inParallel } from "./in-parallel.ts";
import { Money } from "./money.ts";
import { readProgress, writeProgress, type Progress } from "./position-file.ts";
import { Providers, type ProviderStats } from "./providers.ts";
import { judgedRecord, recordOf, type SpanContent, type TraceRecord } from "./record.ts";
import { contentsOf, extentOf, nextReceived, spansOf, type Window } from "./records.ts";
import type { Reason } from "./rows.ts";
import { profileFor } from "./sampling.ts";
import { ScoreBatch } from "./score-batch.ts";
import type { Chosen, ScoreRow } from "./score-row.ts";
import { NOTHING_STORED, Scoring, type ScoringContext, type ScoringStats } from "./scoring.ts";
import { spentBefore, storedScores } from "./stored-scores.ts";

const LONGEST_WINDOW_MS = 120_000;
/** Windows that are decided on and not judged: of more than two days, after which records are given up. */
const MOST_WAITING = 2_000;
/** Whose texts are in memory at once. */
const RECORDS_PER_READ = 1_000;
/** Some are called for, some wait to be stored. */
const RECORDS_AT_ONCE = 256;
/** Each look reads what came since traces settled: a fifth of the time in which they settle, within these bounds. */
const POLLS_PER_SETTLING = 5;
const LEAST_POLL_MS = 5_000;
const MOST_POLL_MS = 60_000;
const RETRY_MS = 5_000;

export interface JudgeStats extends ScoringStats {
  /** Traces that settled, by what became of them. */
  records: ReadonlyMap<Reason, number>;
  composites: number;
  budget: ReturnType<Money["stats"]>;
  providers: readonly ProviderStats[];
  /** How long ago the traces settled that are next to be judged. */
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
  readonly #money: Money;
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
  #progress: Progress = { decidedUnixMs: 0, waiting: [] };
  #kept: Promise<void> = Promise.resolve();
  #decided = Promise.withResolvers<void>();
  /** A part of the next window may be judged already. */
  #isResumed = true;
  #running: Promise<void> | undefined;

  constructor(options: JudgeWorkerOptions) {
    const { config, closedPauseMs, pauseMs, now = Date.now } = options;
    this.#options = options;
    this.#now = now;
    this.#config = config;
    this.#money = new Money(config, { now });
    this.#scoring = new Scoring({ purseOf: (stratum) => this.#money.of(stratum), now, pauseMs });
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
    this.#decided.resolve();
    this.#providers.stop();
    await this.#running;
  }

  /** It is decided by it from now on, and judged by it from the next window on. */
  reconfigure(config: JudgeConfig): void {
    this.#next = config;
    this.#money.limitTo(config);
    this.#leaveClosed();
  }

  get #newest(): JudgeConfig {
    return this.#next ?? this.#config;
  }

  stats(): JudgeStats {
    const next = this.#progress.waiting[0] ?? this.#progress.deciding;
    return {
      records: this.#records,
      ...this.#scoring.stats(),
      composites: this.#composites,
      budget: this.#money.stats(),
      providers: this.#providers.stats(),
      lagMs: next ? Math.max(0, this.#now() - next.toUnixMs) : 0,
    };
  }

  async #run(): Promise<void> {
    await this.#untilStopped(() => this.#begin(), { once: true });
    await Promise.all([
      this.#untilStopped(() => this.#decideNext()),
      this.#untilStopped(() => this.#judgeNext()),
    ]);
  }

  /** Again and again, or until it succeeded. */
  async #untilStopped(step: () => Promise<void>, { once = false } = {}): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await step();
        if (once) return;
      } catch (error) {
        if (signal.aborted) return;
        const why = error instanceof Error ? error.message : String(error);
        this.#options.log("warn", `judge: ${why.slice(0, 300)}; trying again`);
        await delay(this.#options.pollMs ?? RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
  }

  /** From now on, at the very first start: earlier traffic is judged only when somebody asks for it. */
  async #begin(): Promise<void> {
    const { client, positionFile } = this.#options;
    const before = await readProgress(positionFile);
    await this.#keep(before ?? { decidedUnixMs: this.#now(), waiting: [] });
    await describeJudges(client, this.#config.judges, this.#now());
    for (const spent of await spentBefore(client, this.#now())) this.#money.addSpent(spent);
  }

  /** One write after the other. */
  #keep(progress: Progress): Promise<void> {
    this.#progress = progress;
    const write = (): Promise<void> => writeProgress(this.#options.positionFile, this.#progress);
    this.#kept = this.#kept.then(write, write);
    return this.#kept;
  }

  #takeUp(): void {
    if (this.#window.signal.aborted) this.#window = new AbortController();
    if (!this.#next) return;
    this.#providers.stop();
    this.#config = this.#next;
    this.#next = undefined;
    this.#providers = new Providers(this.#config.providers, this.#options.closedPauseMs);
  }

  /** A window does not wait for a provider that may be one no more. */
  #leaveClosed(): void {
    if (!this.#next || this.#stopping.signal.aborted) return;
    if (this.#providers.someClosed) this.#window.abort();
    else setTimeout(() => this.#leaveClosed(), this.#options.pollMs ?? LEAST_POLL_MS).unref();
  }

  get #pollMs(): number {
    const { pollMs } = this.#options;
    return (
      pollMs ??
      Math.min(MOST_POLL_MS, Math.max(LEAST_POLL_MS, this.#newest.settleMs / POLLS_PER_SETTLING))
    );
  }

  async #decideNext(): Promise<void> {
    const { client, collectorId } = this.#options;
    const { signal } = this.#stopping;
    const window = this.#progress.deciding ?? (await this.#nextWindow());
    if (!window) return delay(this.#pollMs, undefined, { signal });
    await this.#keep({ ...this.#progress, deciding: window });
    const { profiles, settleMs } = this.#newest;
    const records = await decideWindow(client, {
      collectorId,
      window,
      settleMs,
      profiles,
      factorOf: (stratum) =>
        this.#money.of(stratum).takeFactor({ mayRise: this.#progress.waiting.length === 0 }),
      nowUnixMs: this.#now(),
    });
    for (const [reason, count] of records)
      this.#records.set(reason, (this.#records.get(reason) ?? 0) + count);
    const { waiting } = this.#progress;
    await this.#keep({
      decidedUnixMs: window.toUnixMs,
      waiting: records.has("chosen") ? [...waiting, window] : waiting,
    });
    this.#decided.resolve();
    if (window.toUnixMs - window.fromUnixMs < LONGEST_WINDOW_MS)
      await delay(this.#pollMs, undefined, { signal });
  }

  async #judgeNext(): Promise<void> {
    const { client, collectorId } = this.#options;
    const [window] = this.#progress.waiting;
    if (!window) {
      this.#decided = Promise.withResolvers();
      return this.#decided.promise;
    }
    this.#takeUp();
    const isResumed = this.#isResumed;
    this.#isResumed = true;
    const drawn = await drawnIn(client, collectorId, window);
    try {
      for (let at = 0; at < drawn.length; at += RECORDS_PER_READ)
        await this.#judgeDrawn(drawn.slice(at, at + RECORDS_PER_READ), isResumed);
    } catch (error) {
      // Left for another configuration.
      if (this.#window.signal.aborted) return;
      throw error;
    }
    this.#isResumed = false;
    await this.#keep({ ...this.#progress, waiting: this.#progress.waiting.slice(1) });
  }

  async #nextWindow(): Promise<Window | undefined> {
    const { client, collectorId, storedThroughUnixMs } = this.#options;
    if (this.#progress.waiting.length >= MOST_WAITING) return undefined;
    const stored = storedThroughUnixMs();
    if (stored === undefined) return undefined;
    let fromUnixMs = this.#progress.decidedUnixMs;
    const untilUnixMs = Math.min(this.#now() - this.#newest.settleMs, stored);
    if (untilUnixMs <= fromUnixMs) return undefined;
    if (untilUnixMs - fromUnixMs > LONGEST_WINDOW_MS) {
      // It was away, or nothing came: over what is empty in one step.
      const next = await nextReceived(client, collectorId, fromUnixMs);
      fromUnixMs = Math.min(untilUnixMs, next ?? Infinity) - 1;
    }
    return { fromUnixMs, toUnixMs: Math.min(untilUnixMs, fromUnixMs + LONGEST_WINDOW_MS) };
  }

  async #judgeDrawn(drawn: readonly Drawn[], isResumed: boolean): Promise<void> {
    const { client } = this.#options;
    const ids = drawn.map(({ traceId }) => traceId);
    const extent = await extentOf(client, ids);
    // Past their retention since they were chosen.
    if (!extent) return;
    const [spans, contents] = await Promise.all([
      spansOf(client, ids, extent),
      contentsOf(client, ids, extent),
    ]);
    const context = {
      providers: this.#providers,
      stored: isResumed ? await storedScores(client, ids) : NOTHING_STORED,
      signal: AbortSignal.any([this.#stopping.signal, this.#window.signal]),
    };
    await inParallel(drawn, RECORDS_AT_ONCE, async (one) => {
      const record = recordOf(spans.get(one.traceId) ?? []);
      if (record) await this.#judgeRecord(one, record, contents.get(one.traceId), context);
    });
  }

  async #judgeRecord(
    { stratum, judgeProbability }: Drawn,
    record: TraceRecord,
    contents: ReadonlyMap<string, SpanContent> | undefined,
    context: ScoringContext,
  ): Promise<void> {
    const { golden, canaryReferences, profiles } = this.#config;
    const profile = profileFor(record.answered.project, profiles);
    // Decided on under a configuration that knew its project.
    if (!profile) return;
    const { referenceFrom, ...judged } = judgedRecord(
      record,
      contents ?? new Map(),
      (question) => golden.get(normalisedQuestion(question)),
      (question) => canaryReferences.get(normalisedQuestion(question)),
    );
    const whole: Chosen = {
      record,
      stratum,
      judgeProbability,
      referenceFrom,
      purpose: "traffic",
    };
    const rows = await this.#scoring.rowsOf(profile, judged, whole, context);
    if (rows.length === 0) return;
    await this.#batch.store(rows);
    this.#options.onStored?.(rows);
    if (rows.some((row) => row["role"] === "composite")) this.#composites++;
  }
}
