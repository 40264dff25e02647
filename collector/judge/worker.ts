/**
 * Judging, in the background of the collector: a window of settled traces at a time. Of each window it is noted that it
 * begins, all of its traffic is counted, the chosen records are judged, their scores stored as they come, and it is noted
 * that it is done. A process that dies in between does the window again, and pays only for what was not stored.
 */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { ClickHouseClient } from "@clickhouse/client";
import { insertEvaluations } from "@assay/clickhouse";
import { loadPriceBook } from "@assay/instrumentation/pricing";
import { composite, type Part } from "@assay/statistics/composite";
import type { Logger } from "../stages.ts";
import { describeJudges } from "./describe-judges.ts";
import { Budget, type BudgetStats } from "./budget.ts";
import { connectProviders } from "./connect-providers.ts";
import { normalisedQuestion, type Judge, type JudgeConfig, type Profile } from "./config.ts";
import type { GateStats } from "./gate.ts";
import { judgeRecord, type Failure, type Judgement, type Provider } from "./judging.ts";
import { readProgress, writeProgress, type Progress } from "./position-file.ts";
import type { ModelAnswer } from "./provider.ts";
import { judgedRecord, recordOf, type SpanContent, type TraceRecord } from "./record.ts";
import { contentsOf, nextPosition, spansOf, START, type Window } from "./records.ts";
import { insertTraffic, type TrafficRow } from "./rows.ts";
import { positionOf, profileFor, stratumOf } from "./sampling.ts";
import {
  compositeRow,
  judgementRow,
  normOf,
  textMetricRow,
  weightsHash,
  type Chosen,
  type ScoreRow,
} from "./score-row.ts";
import { spentToday, storedScores, type StoredScore } from "./stored-scores.ts";

const TRACES_PER_WINDOW = 1_000;
const RECORDS_AT_ONCE = 64;
const POLL_MS = 5_000;
const RETRY_MS = 5_000;
const HOUR_S = 3_600;

export interface JudgeStats {
  /** Traces that settled, by what became of them. */
  records: ReadonlyMap<TrafficRow["reason"], number>;
  /** Scores by status, and failures by reason. */
  judgements: ReadonlyMap<Judgement["outcome"]["status"], number>;
  failures: ReadonlyMap<Failure, number>;
  composites: number;
  budget: BudgetStats;
  providers: readonly { name: string; gate: GateStats }[];
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
  log: Logger;
  now?: () => number;
  /** Between looks for settled traces. */
  pollMs?: number;
  /** For which a provider that is away is left alone at first; see gate.ts. */
  closedPauseMs?: number;
  /** Between attempts at a call; see judging.ts. */
  pauseMs?: (attempt: number) => number;
}

export class JudgeWorker {
  readonly #options: JudgeWorkerOptions;
  readonly #now: () => number;
  readonly #providers: ReadonlyMap<string, Provider & { name: string }>;
  readonly #stopping = new AbortController();
  readonly #records = new Map<TrafficRow["reason"], number>();
  readonly #judgements = new Map<Judgement["outcome"]["status"], number>();
  readonly #failures = new Map<Failure, number>();
  #composites = 0;
  #budget: Budget;
  #progress: Progress = { done: START };
  #running: Promise<void> | undefined;

  constructor(options: JudgeWorkerOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#budget = new Budget(options.config.usdPerDay, { now: this.#now });
    const pause = options.closedPauseMs === undefined ? {} : { pauseMs: options.closedPauseMs };
    this.#providers = connectProviders(options.config.providers, pause);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** What is under way is left: it is judged after the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const { gate } of this.#providers.values()) gate.stop();
    await this.#running;
  }

  stats(): JudgeStats {
    return {
      records: this.#records,
      judgements: this.#judgements,
      failures: this.#failures,
      composites: this.#composites,
      budget: this.#budget.stats(),
      providers: [...this.#providers.values()].map(({ name, gate }) => ({
        name,
        gate: gate.stats(),
      })),
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
        if (!(await this.#window()))
          await delay(this.#options.pollMs ?? POLL_MS, undefined, { signal });
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
    const { client, config, positionFile } = this.#options;
    this.#progress = (await readProgress(positionFile)) ?? {
      done: { settledUnixMs: this.#now(), traceId: "" },
    };
    await writeProgress(positionFile, this.#progress);
    await describeJudges(client, config.judges, this.#now());
    const spent = await spentToday(client, this.#now());
    this.#budget = new Budget(config.usdPerDay, { spentToday: spent, now: this.#now });
  }

  /** Resolves to false when nothing has settled. */
  async #window(): Promise<boolean> {
    const { client, collectorId, positionFile } = this.#options;
    const resumed = this.#progress.window;
    const window = resumed ?? (await this.#nextWindow());
    if (!window) return false;
    if (!resumed) {
      this.#progress = { done: this.#progress.done, window };
      await writeProgress(positionFile, this.#progress);
    }
    const traces = await spansOf(client, collectorId, window);
    const stored = resumed ? await storedScores(client, [...traces.keys()]) : NOTHING_STORED;
    await this.#judgeTraces(
      window,
      [...traces.values()].flatMap((spans) => recordOf(spans) ?? []),
      stored,
    );
    this.#progress = { done: window.to };
    await writeProgress(positionFile, this.#progress);
    return true;
  }

  async #nextWindow(): Promise<Window | undefined> {
    const { client, collectorId, config, storedThroughUnixMs } = this.#options;
    const stored = storedThroughUnixMs();
    if (stored === undefined) return undefined;
    const from = this.#progress.done;
    const untilUnixMs = Math.min(this.#now() - config.settleMs, stored);
    const limit = TRACES_PER_WINDOW;
    const to = await nextPosition(client, { collectorId, from, untilUnixMs, limit });
    return to && { from, to };
  }

  async #judgeTraces(
    window: Window,
    records: readonly TraceRecord[],
    stored: ReadonlyMap<string, StoredScore>,
  ): Promise<void> {
    const { client, collectorId } = this.#options;
    const traffic = new Traffic();
    const chosen: { profile: Profile; chosen: Omit<Chosen, "referenceFrom" | "purpose"> }[] = [];
    for (const record of records) {
      const profile = profileFor(record.facts.project, this.#options.config.profiles);
      if (!profile) continue;
      const stratum = stratumOf(record.facts, profile);
      const probability = this.#budget.lowered(stratum.probability, profile.minimum);
      const isChosen = positionOf(record.answered.traceId) < probability;
      const reason = !record.answered.hasContent
        ? "no_content"
        : isChosen
          ? "chosen"
          : "not_chosen";
      traffic.add(record, stratum.name, reason);
      this.#records.set(reason, (this.#records.get(reason) ?? 0) + 1);
      if (reason === "chosen")
        chosen.push({
          profile,
          chosen: { record, stratum: stratum.name, judgeProbability: probability },
        });
    }
    const { settledUnixMs, traceId } = window.from;
    await insertTraffic(
      client,
      traffic.rows(),
      `${collectorId}/traffic/${settledUnixMs}-${traceId}`,
    );
    const contents = await contentsOf(
      client,
      chosen.map(({ chosen: { record } }) => ({ ...record.answered })),
    );
    await inParallel(chosen, RECORDS_AT_ONCE, async (one) => {
      const { traceId: trace } = one.chosen.record.answered;
      await this.#judgeRecord(one.profile, one.chosen, contents.get(trace) ?? new Map(), stored);
    });
  }

  async #judgeRecord(
    profile: Profile,
    chosen: Omit<Chosen, "referenceFrom" | "purpose">,
    contents: ReadonlyMap<string, SpanContent>,
    stored: ReadonlyMap<string, StoredScore>,
  ): Promise<void> {
    const { golden } = this.#options.config;
    const { referenceFrom, ...judged } = judgedRecord(chosen.record, contents, (question) =>
      golden.get(normalisedQuestion(question)),
    );
    const whole: Chosen = { ...chosen, referenceFrom, purpose: "traffic" };
    const { traceId, spanId } = chosen.record.answered;
    const place = `${traceId}/${spanId}`;
    const rows: ScoreRow[] = [];
    const parts = new Map<string, Part>();
    const judges = judgesFor(profile, judged.reference !== undefined);
    const score = async (judge: Judge, as: Chosen): Promise<Part> => {
      const before = stored.get(`${place}/${judge.metric.metric}/${judge.hash}`);
      if (before) return before;
      const judgement = await this.#judge(judge, judged, chosen.record.receivedAtUnixMs);
      rows.push(judgementRow(judge, judgement, as));
      return partOf(judgement, judge);
    };
    const audit: Chosen = {
      ...whole,
      purpose: "audit",
      judgeProbability: whole.judgeProbability * profile.audit,
    };
    const isAudited = positionOf(traceId, "judge-audit") < profile.audit;
    await Promise.all([
      ...judges.map(async (judge) => {
        parts.set(judge.metric.metric, await score(judge, whole));
      }),
      ...judges.flatMap(({ metric }) => {
        const second = isAudited ? profile.strong.get(metric.metric) : undefined;
        return second ? [score(second, audit)] : [];
      }),
    ]);
    for (const metric of profile.textMetrics) {
      const row = textMetricRow(metric, judged, whole);
      if (row && !stored.has(`${place}/${metric}/${String(row["judge_hash"])}`)) rows.push(row);
    }
    const sum = compositeOf(profile, parts);
    if (sum && !stored.has(`${place}/composite/${weightsHash(profile)}`)) {
      const norms = Object.fromEntries([...parts].map(([metric, part]) => [metric, part.norm]));
      rows.push(compositeRow(profile, sum, norms, whole));
    }
    if (rows.length > 0) await this.#store(rows);
    if (rows.some((row) => row["role"] === "composite")) this.#composites++;
  }

  async #judge(
    judge: Judge,
    record: Parameters<typeof judgeRecord>[1],
    receivedAtUnixMs: number,
  ): Promise<Judgement> {
    const judgement = await judgeRecord(judge, record, {
      provider: this.#providers.get(judge.provider.name)!,
      budget: this.#budget,
      priceOf: (one, used) => priceOf(one, used, this.#now()),
      signal: this.#stopping.signal,
      receivedAtUnixMs,
      now: this.#now,
      ...(this.#options.pauseMs ? { pauseMs: this.#options.pauseMs } : {}),
    });
    const { outcome } = judgement;
    this.#judgements.set(outcome.status, (this.#judgements.get(outcome.status) ?? 0) + 1);
    if (outcome.status === "failed")
      this.#failures.set(outcome.failure, (this.#failures.get(outcome.failure) ?? 0) + 1);
    return judgement;
  }

  /** An answer that was paid for is kept until the store takes it. */
  async #store(rows: readonly ScoreRow[]): Promise<void> {
    const { client, log } = this.#options;
    const { signal } = this.#stopping;
    const ids = rows.map((row) => String(row["evaluation_id"]));
    const token = createHash("sha256").update(ids.toSorted().join()).digest("hex");
    for (;;) {
      try {
        return await insertEvaluations(client, rows, `judge/${token}`);
      } catch (error) {
        if (signal.aborted) throw error;
        log("warn", `judge: scores not stored yet: ${String(error).slice(0, 300)}`);
        await delay(this.#options.pollMs ?? RETRY_MS, undefined, { signal });
      }
    }
  }
}

const NOTHING_STORED: ReadonlyMap<string, StoredScore> = new Map();

/** Counts of one window, by hour and what the sample is made of. */
class Traffic {
  readonly #rows = new Map<string, TrafficRow>();

  add(
    { facts, answered, traceProbability }: TraceRecord,
    stratum: string,
    reason: TrafficRow["reason"],
  ): void {
    const { project, environment, release, model } = facts;
    const hour = Math.floor(answered.eventTimeUnixMs / 1_000 / HOUR_S) * HOUR_S;
    const key = JSON.stringify([project, hour, environment, release, model, stratum, reason]);
    const row = this.#rows.get(key) ?? {
      project, hour, environment, release, model, stratum, rule: stratum, reason, records: 0, weight: 0,
    }; // prettier-ignore
    row.records++;
    row.weight += 1 / traceProbability;
    this.#rows.set(key, row);
  }

  rows(): TrafficRow[] {
    return [...this.#rows.values()];
  }
}

/** A metric that needs a reference gives way to the one that does not, where there is none and that one has a judge. */
export function judgesFor(profile: Profile, hasReference: boolean): Judge[] {
  const taken = new Set([...profile.judges.values()].flatMap(({ metric }) => metric.instead ?? []));
  return [...profile.judges.values()].flatMap((judge) => {
    const { metric, instead } = judge.metric;
    if (taken.has(metric) && !(metric in profile.weights)) return [];
    const other = instead === undefined ? undefined : profile.judges.get(instead);
    return [!hasReference && judge.metric.needs.includes("reference") && other ? other : judge];
  });
}

function partOf(judgement: Judgement, judge: Judge): Part {
  const norm = normOf(judgement, judge.metric.scores.length);
  const { status } = judgement.outcome;
  return norm === undefined ? { status } : { status, norm };
}

/** A metric that took another's place has its weight; its own name tells the two kinds of composite apart. */
export function compositeOf(
  profile: Profile,
  parts: ReadonlyMap<string, Part>,
): ReturnType<typeof composite> {
  const weights = Object.fromEntries(
    Object.entries(profile.weights).map(([metric, weight]) => {
      const instead = profile.judges.get(metric)?.metric.instead;
      return [
        !parts.has(metric) && instead !== undefined && parts.has(instead) ? instead : metric,
        weight,
      ];
    }),
  );
  return composite(Object.fromEntries(parts), {
    weights,
    missing: profile.missing,
    gates: profile.gates,
  });
}

export function priceOf(
  judge: Judge,
  usage: ModelAnswer["usage"],
  nowUnixMs: number,
): bigint | undefined {
  const book = loadPriceBook();
  const { own } = judge.price;
  if (own) return own.input * BigInt(usage.inputTokens) + own.output * BigInt(usage.outputTokens);
  const price = book.resolve(judge.price.provider, judge.model, nowUnixMs);
  return price && book.cost(price, usage);
}

/** @throws the first error, when all that began have ended */
export async function inParallel<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const errors: unknown[] = [];
  const lane = async (): Promise<void> => {
    while (next < items.length && errors.length === 0) {
      const item = items[next++]!;
      await work(item).catch((error: unknown) => errors.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
  if (errors.length > 0) throw errors[0];
}
