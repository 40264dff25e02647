/**
 * A chosen record → all rows of it: each metric by its judge, in doubt or by the audit's draw by the strong one as well,
 * what needs no model, and the weighted whole. The worker, a backfill and the canaries judge by it alike.
 */
import { composite, type Part } from "@assay/statistics/composite";
import { AnswerCache } from "./answer-cache.ts";
import { Asker, NOTHING_SPENT, type AskFailed } from "./ask.ts";
import type { Judge, Profile } from "./config.ts";
import { isDoubtful } from "./escalate.ts";
import { judgeRecord, type Failure, type Judgement } from "./judging.ts";
import type { Purse } from "./money.ts";
import type { JudgedRecord } from "./prompt.ts";
import { priceOf, type Providers } from "./providers.ts";
import { positionOf } from "./sampling.ts";
import {
  compositeRow,
  judgementRow,
  normOf,
  textMetricRow,
  vectorMetricRow,
  weightsHash,
  type Chosen,
  type ScoreRow,
} from "./score-row.ts";
import type { StoredScore } from "./stored-scores.ts";
import { vectorMetricHash, vectorScores } from "./vector-metrics.ts";

export interface ScoringOptions {
  /** Of each stratum. */
  purseOf: (stratum: string) => Purse;
  now?: (() => number) | undefined;
  /** Between attempts at a call; see ask.ts. */
  pauseMs?: ((attempt: number) => number) | undefined;
}

export interface ScoringContext {
  providers: Providers;
  /** What needs not be judged again. */
  stored: ReadonlyMap<string, StoredScore>;
  signal: AbortSignal;
}

export interface ScoringStats {
  /** Scores by status, and failures by reason. */
  judgements: ReadonlyMap<Judgement["outcome"]["status"], number>;
  failures: ReadonlyMap<Failure, number>;
  /** Judgements that nobody had to be asked for. */
  cacheHits: number;
  /** Records that a strong judge saw because the first was in doubt. */
  escalated: number;
}

export const NOTHING_STORED: ReadonlyMap<string, StoredScore> = new Map();

export class Scoring {
  readonly #options: ScoringOptions;
  readonly #cache = new AnswerCache();
  readonly #judgements = new Map<Judgement["outcome"]["status"], number>();
  readonly #failures = new Map<Failure, number>();
  readonly #counts = { cacheHits: 0, escalated: 0 };

  constructor(options: ScoringOptions) {
    this.#options = options;
  }

  stats(): ScoringStats {
    return { judgements: this.#judgements, failures: this.#failures, ...this.#counts };
  }

  /** Rows that are not stored yet. @throws when stopped */
  async rowsOf(
    profile: Profile,
    judged: JudgedRecord,
    whole: Chosen,
    context: ScoringContext,
  ): Promise<ScoreRow[]> {
    const { traceId, spanId } = whole.record.answered;
    const place = `${traceId}/${spanId}`;
    const rows: ScoreRow[] = [];
    const parts = new Map<string, Part>();
    const isStored = (metric: string, hash: string, purpose: string): StoredScore | undefined =>
      context.stored.get(`${place}/${metric}/${hash}/${purpose}`);
    const score = async (judge: Judge, as: Chosen): Promise<Judgement | StoredScore> => {
      const before = isStored(judge.metric.metric, judge.hash, as.purpose);
      if (before) return before;
      const judgement = await this.#judge(judge, judged, as, context);
      rows.push(judgementRow(judge, judgement, as));
      return judgement;
    };
    await Promise.all(
      judgesFor(profile, judged.reference !== undefined).map(async (judge) => {
        const first = await score(judge, whole);
        parts.set(judge.metric.metric, "outcome" in first ? partOf(first) : first);
        await Promise.all(
          this.#others(profile, judge, first, whole).map(([other, as]) => score(other, as)),
        );
      }),
    );
    rows.push(...(await this.#byVectors(profile, judged, whole, context)));
    for (const metric of profile.textMetrics) {
      const row = textMetricRow(metric, { record: judged, form: profile.answerForm }, whole);
      if (row && !isStored(metric, String(row["judge_hash"]), whole.purpose)) rows.push(row);
    }
    const sum = compositeOf(profile, parts);
    if (sum && !isStored("composite", weightsHash(profile), whole.purpose)) {
      const norms = Object.fromEntries([...parts].map(([metric, part]) => [metric, part.norm]));
      rows.push(compositeRow(profile, sum, norms, whole));
    }
    return rows;
  }

  /** All metrics by one call, paid for by the first of them. */
  async #byVectors(
    { vectorMetrics, embedder }: Profile,
    judged: JudgedRecord,
    whole: Chosen,
    { providers, stored, signal }: ScoringContext,
  ): Promise<ScoreRow[]> {
    if (!embedder) return [];
    const { model, timeoutMs, provider, price } = embedder;
    const { answered, receivedAtUnixMs } = whole.record;
    const { purseOf, now = Date.now, pauseMs } = this.#options;
    const missing = vectorMetrics.filter((metric) => {
      const key = `${answered.traceId}/${answered.spanId}/${metric}/${vectorMetricHash(metric, model)}/${whole.purpose}`;
      return !stored.has(key);
    });
    const asker = new Asker({
      provider: providers.get(provider.name),
      budget: purseOf(whole.stratum),
      spender: model,
      priceOf: (usage) => priceOf({ price, model }, usage, now()),
      signal,
      receivedAtUnixMs,
      now,
      ...(pauseMs ? { pauseMs } : {}),
    });
    const scores = await vectorScores(missing, judged, { model, timeoutMs, asker });
    if (!scores) return [];
    return missing.map((metric, at) => {
      const found = scores instanceof Map ? scores.get(metric)! : (scores as AskFailed);
      const spent = at === 0 ? asker.spent : { ...NOTHING_SPENT, model: asker.spent.model };
      return vectorMetricRow(metric, { model, found, spent }, whole);
    });
  }

  /** Who sees it as well, each with the probability of that. */
  #others(
    profile: Profile,
    judge: Judge,
    first: Judgement | StoredScore,
    whole: Chosen,
  ): [Judge, Chosen][] {
    if (whole.purpose !== "traffic") return [];
    const { traceId } = whole.record.answered;
    const as = (purpose: "audit" | "shadow" | "retest", probability: number): Chosen => ({
      ...whole,
      purpose,
      judgeProbability: whole.judgeProbability * probability,
    });
    const others: [Judge, Chosen][] = [];
    const strong = profile.strong.get(judge.metric.metric);
    const inDoubt = "outcome" in first && isDoubtful(judge, first);
    const isAudited = positionOf(traceId, "judge-audit") < profile.audit;
    if (strong && inDoubt) {
      this.#counts.escalated++;
      others.push([strong, as("audit", 1)]);
    } else if (strong && isAudited) others.push([strong, as("audit", profile.audit)]);
    const isRetested = positionOf(traceId, "judge-retest") < profile.retest;
    if (isRetested) others.push([judge, as("retest", profile.retest)]);
    const onTrial = profile.onTrial.get(judge.metric.metric);
    if (onTrial && positionOf(traceId, "judge-shadow") < profile.shadow) {
      others.push([onTrial, as("shadow", profile.shadow)]);
      // It has to show that it says the same twice before it is believed.
      if (isRetested) others.push([onTrial, as("retest", profile.shadow * profile.retest)]);
    }
    return others;
  }

  async #judge(
    judge: Judge,
    record: JudgedRecord,
    { record: { receivedAtUnixMs }, purpose, stratum }: Chosen,
    { providers, signal }: ScoringContext,
  ): Promise<Judgement> {
    const { purseOf, now = Date.now, pauseMs } = this.#options;
    const ask = (): Promise<Judgement> =>
      judgeRecord(judge, record, {
        provider: providers.get(judge.provider.name),
        budget: purseOf(stratum),
        priceOf: (one, used) => priceOf(one, used, now()),
        signal,
        receivedAtUnixMs,
        now,
        ...(pauseMs ? { pauseMs } : {}),
      });
    const judgement =
      purpose === "traffic" ? await this.#cache.judged(judge, record, ask) : await ask();
    this.#count(judgement);
    return judgement;
  }

  #count({ outcome, cacheHit }: Judgement): void {
    add(this.#judgements, outcome.status);
    if (outcome.status === "failed") add(this.#failures, outcome.failure);
    if (cacheHit) this.#counts.cacheHits++;
  }
}

function add<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
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

function partOf(judgement: Judgement): Part {
  const norm = normOf(judgement);
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
