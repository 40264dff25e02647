/**
 * Canaries: the same requests, several times each round, to see whether the same question gets the same answer, and
 * whether that changes. Sentinels: records whose score is known, to see whether a judge still gives it.
 *
 * A round is due every so many hours of the clock. What of it is stored is not asked again, so that a restart goes on
 * where it was. Its money is its own; what it does not suffice for is noted as such.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ClickHouseClient } from "@clickhouse/client";
import { insertEvaluations } from "@assay/clickhouse";
import { formatUsd } from "@assay/instrumentation/pricing";
import type { Logger } from "../../stages.ts";
import { Asker } from "../ask.ts";
import { Budget, type BudgetStats } from "../budget.ts";
import type { CanaryConfig, CanaryTarget, Judge, JudgeConfig } from "../config.ts";
import { inParallel } from "../in-parallel.ts";
import { hashOf } from "../judge-hash.ts";
import { judgeRecord } from "../judging.ts";
import type { JudgedRecord } from "../prompt.ts";
import { Providers, priceOf } from "../providers.ts";
import type { TraceRecord, TraceSpan } from "../record.ts";
import { profileFor } from "../sampling.ts";
import { judgementRow, type Chosen, type ScoreRow } from "../score-row.ts";
import { NOTHING_STORED, Scoring } from "../scoring.ts";
import type { Canary, Sentinel } from "./canary-config.ts";
import { canariesSpentToday, doneOf, insertAnswers, type CanaryAnswerRow } from "./canary-store.ts";

const LOOK_EVERY_MS = 60_000;
const AT_ONCE = 8;

export interface CanariesOptions {
  config: JudgeConfig;
  client: ClickHouseClient;
  log: Logger;
  now?: () => number;
  /** Between looks whether a round is due. */
  everyMs?: number;
  /** Between attempts at a call; see ask.ts. */
  pauseMs?: (attempt: number) => number;
}

export interface CanaryStats {
  /** By what became of them. */
  answers: ReadonlyMap<string, number>;
  sentinels: number;
  budget: BudgetStats;
}

export class Canaries {
  readonly #options: CanariesOptions;
  readonly #canaries: CanaryConfig;
  readonly #now: () => number;
  readonly #providers: Providers;
  readonly #budget: Budget;
  readonly #scoring: Scoring;
  readonly #stopping = new AbortController();
  readonly #answers = new Map<string, number>();
  #sentinels = 0;
  #lastRound = -1;
  #running: Promise<void> | undefined;

  /** @throws RangeError for a configuration without canaries */
  constructor(options: CanariesOptions) {
    const { config, now = Date.now, pauseMs } = options;
    if (!config.canaries) throw new RangeError("expected a configuration with canaries");
    this.#options = options;
    this.#canaries = config.canaries;
    this.#now = now;
    this.#providers = new Providers(config.providers);
    this.#budget = new Budget(config.canaries.usdPerDay, { now });
    this.#scoring = new Scoring({ purseOf: () => this.#budget, now, pauseMs });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** What is under way is left: it is asked again after the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#providers.stop();
    await this.#running;
  }

  stats(): CanaryStats {
    return { answers: this.#answers, sentinels: this.#sentinels, budget: this.#budget.stats() };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { client, log, everyMs = LOOK_EVERY_MS } = this.#options;
    let begun = false;
    while (!signal.aborted) {
      try {
        if (!begun) this.#budget.addSpent(await canariesSpentToday(client, this.#now()));
        begun = true;
        await this.#round();
      } catch (error) {
        if (signal.aborted) return;
        log("warn", `canaries: ${String(error).slice(0, 300)}; trying again`);
      }
      await delay(everyMs, undefined, { signal }).catch(() => {});
    }
  }

  async #round(): Promise<void> {
    const { periodMs } = this.#canaries;
    const round = Math.floor(this.#now() / periodMs) * periodMs;
    if (round === this.#lastRound) return;
    const done = await doneOf(this.#options.client, round / 1_000);
    await inParallel(this.#missingAnswers(done.answers), AT_ONCE, ([target, canary, run]) =>
      this.#ask(target, canary, { round, run }),
    );
    await inParallel(this.#missingSentinels(done.sentinels), AT_ONCE, ([judge, sentinel]) =>
      this.#rejudge(judge, sentinel, round),
    );
    this.#lastRound = round;
  }

  #missingAnswers(done: ReadonlySet<string>): [CanaryTarget, Canary, number][] {
    const { targets, canaries, runs } = this.#canaries;
    return targets.flatMap((target) =>
      canaries.flatMap((canary) =>
        Array.from(
          { length: runs },
          (_, run) => [target, canary, run] as [CanaryTarget, Canary, number],
        ).filter(([, , run]) => !done.has([target.name, canary.name, run].join("\n"))),
      ),
    );
  }

  #missingSentinels(done: ReadonlySet<string>): [Judge, Sentinel][] {
    return this.#options.config.judges.flatMap((judge) =>
      this.#canaries.sentinels
        .filter(
          ({ metric, name }) =>
            metric === judge.metric.metric && !done.has(`${judge.hash}\n${name}`),
        )
        .map((sentinel) => [judge, sentinel] as [Judge, Sentinel]),
    );
  }

  async #ask(
    target: CanaryTarget,
    canary: Canary,
    { round, run }: { round: number; run: number },
  ): Promise<void> {
    const { client } = this.#options;
    const { model, temperature, seed, maxTokens, timeoutMs } = target;
    const { system, question } = canary;
    const request = { model, system, turns: [{ role: "user" as const, text: question }], temperature, seed, maxTokens }; // prettier-ignore
    const asker = new Asker(this.#askContext(target, "canaries"));
    const askedAt = this.#now();
    const given = await asker.ask({ ...request, schema: undefined, logprobs: false, timeoutMs });
    const answer = "text" in given ? given.text : undefined;
    const status =
      "text" in given ? (given.finish === "filter" ? "content_filter" : "ok") : given.failure;
    const { spent } = asker;
    const row: CanaryAnswerRow = {
      project: this.#canaries.project,
      target: target.name,
      canary: canary.name,
      request_hash: hashOf({ ...request, seed: seed ?? null }),
      round: round / 1_000,
      run,
      asked_at: (askedAt / 1_000).toFixed(3),
      status,
      answer: answer ?? "",
      matches:
        answer === undefined || canary.answer === undefined
          ? null
          : plain(answer) === plain(canary.answer),
      served_model: spent.model,
      fingerprint: spent.fingerprint,
      input_tokens: spent.inputTokens,
      output_tokens: spent.outputTokens,
      cost: spent.picoUsd === undefined ? null : formatUsd(spent.picoUsd),
      latency_ms: Math.round(spent.latencyMs),
    };
    await insertAnswers(client, [row], `canary/${target.name}/${canary.name}/${round}/${run}`);
    this.#answers.set(status, (this.#answers.get(status) ?? 0) + 1);
    if (status === "ok" && this.#canaries.judged) await this.#judge(row, canary);
  }

  /** As traffic is, by the profile for the canaries' project. */
  async #judge(
    { answer, ...row }: CanaryAnswerRow,
    { question, reference }: Canary,
  ): Promise<void> {
    const profile = profileFor(row.project, this.#options.config.profiles);
    if (!profile) return;
    const traceId = hashOf([row.target, row.canary, row.round, row.run]);
    const chosen = this.#chosen(traceId, row.round * 1_000, {
      purpose: "canary",
      model: row.served_model,
      referenceFrom: reference === undefined ? "" : "canary",
    });
    const judged: JudgedRecord = { question, answer, reference };
    const context = {
      providers: this.#providers,
      stored: NOTHING_STORED,
      signal: this.#stopping.signal,
    };
    const rows = await this.#scoring.rowsOf(profile, judged, chosen, context);
    await insertEvaluations(this.#options.client, rows, `canary/${traceId}`);
  }

  async #rejudge(judge: Judge, sentinel: Sentinel, round: number): Promise<void> {
    const judgement = await judgeRecord(judge, sentinel, {
      ...this.#askContext({ ...judge, provider: judge.provider.name }, judge.hash),
      priceOf: (one, used) => priceOf(one, used, this.#now()),
    });
    const traceId = hashOf([judge.hash, sentinel.name, round]);
    const chosen = this.#chosen(traceId, round, {
      purpose: "sentinel",
      model: "",
      referenceFrom: sentinel.reference === undefined ? "" : "golden",
    });
    const row: ScoreRow = {
      ...judgementRow(judge, judgement, chosen),
      attributes: `{'sentinel':'${sentinel.name}','pinned':'${sentinel.norm}'}`,
    };
    await insertEvaluations(this.#options.client, [row], `sentinel/${traceId}`);
    this.#sentinels++;
  }

  #askContext(
    asked: { provider: string; price: CanaryTarget["price"]; model: string },
    spender: string,
  ): ConstructorParameters<typeof Asker>[0] {
    const { pauseMs } = this.#options;
    return {
      provider: this.#providers.get(asked.provider),
      budget: this.#budget,
      spender,
      priceOf: (usage) => priceOf(asked, usage, this.#now()),
      signal: this.#stopping.signal,
      receivedAtUnixMs: this.#now(),
      now: this.#now,
      ...(pauseMs ? { pauseMs } : {}),
    };
  }

  #chosen(
    traceId: string,
    timeUnixMs: number,
    { model, ...rest }: Pick<Chosen, "purpose" | "referenceFrom"> & { model: string },
  ): Chosen {
    const record = recordAt(traceId, timeUnixMs, this.#canaries.project, model);
    return { record, stratum: "", judgeProbability: 1, ...rest };
  }
}

/** A record that no span tells of. */
function recordAt(
  traceId: string,
  timeUnixMs: number,
  project: string,
  model: string,
): TraceRecord {
  const answered: TraceSpan = {
    traceId, spanId: traceId.slice(0, 16), project, eventTimeUnixMs: timeUnixMs, endUnixMs: timeUnixMs, durationMs: 0, operation: "chat",
    isModelCall: true, hasContent: true, environment: "", release: "", service: "", provider: "", model, status: "ok", inputTokens: 0,
    sessionId: "", userId: "", responseId: "", promptVersion: "", promptHash: "", samplingWeight: 1, documentCount: 0,
    receivedAtUnixMs: timeUnixMs, reference: "",
  }; // prettier-ignore
  return {
    answered,
    spans: [answered],
    traceProbability: 1,
    receivedAtUnixMs: Date.now(),
  };
}

function plain(text: string): string {
  return text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();
}
