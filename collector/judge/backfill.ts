/**
 * Judging of a past period, by the same rules and judges as of traffic that settles now. Records are drawn by the same
 * hash, so that what was judged then is judged here too, and is not paid for again. First the cost is estimated: every
 * prompt is made, and none is sent.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { insertEvaluations } from "@assay/clickhouse";
import { decisionsOn } from "./decide.ts";
import { Budget } from "./budget.ts";
import { normalisedQuestion, type Judge, type JudgeConfig, type Profile } from "./config.ts";
import { inParallel } from "./in-parallel.ts";
import { judgePrompt, type JudgedRecord } from "./prompt.ts";
import { priceOf, Providers } from "./providers.ts";
import { judgedRecord, recordOf } from "./record.ts";
import {
  contentsOf,
  extentOf,
  pageOf,
  spansOf,
  WITHIN,
  withinParameters,
  type Extent,
  type PagePosition,
} from "./records.ts";
import { decidedOf, insertDecisions, raiseProbability, type DecisionRow } from "./rows.ts";
import { profileFor } from "./sampling.ts";
import type { Chosen } from "./score-row.ts";
import { judgesFor, Scoring, type ScoringStats } from "./scoring.ts";
import { storedScores, type StoredScore } from "./stored-scores.ts";

const TRACES_PER_PAGE = 1_000;
const RECORDS_AT_ONCE = 64;
/** Of English; more of others, so that the estimate is one. */
const CHARACTERS_PER_TOKEN = 4;

export interface BackfillOptions {
  config: JudgeConfig;
  client: ClickHouseClient;
  fromUnixMs: number;
  toUnixMs: number;
  project?: string | undefined;
  now?: () => number;
  signal?: AbortSignal;
  /** Between attempts at a call; see ask.ts. */
  pauseMs?: (attempt: number) => number;
}

export interface BackfillEstimate {
  records: number;
  chosen: number;
  /** Judgements that are stored already. */
  stored: number;
  calls: number;
  inputTokens: number;
  /** As many as judges may write. */
  outputTokens: number;
  /** Undefined: the price of a model is not known. */
  usd: number | undefined;
}

export async function estimateBackfill(options: BackfillOptions): Promise<BackfillEstimate> {
  const { now = Date.now } = options;
  const estimate: BackfillEstimate = {
    records: 0, chosen: 0, stored: 0, calls: 0, inputTokens: 0, outputTokens: 0, usd: 0,
  }; // prettier-ignore
  for await (const page of pagesOf(options)) {
    estimate.records += page.undecided.length;
    estimate.chosen += page.chosen.length;
    for (const { judged, profile, whole } of page.chosen) {
      const { traceId, spanId } = whole.record.answered;
      for (const judge of judgesFor(profile, judged.reference !== undefined)) {
        const key = `${traceId}/${spanId}/${judge.metric.metric}/${judge.hash}/traffic`;
        if (page.stored.has(key)) estimate.stored++;
        else count(estimate, judge, judged, now());
      }
    }
  }
  return estimate;
}

function count(
  estimate: BackfillEstimate,
  judge: Judge,
  judged: JudgedRecord,
  nowUnixMs: number,
): void {
  if (judge.metric.needs.some((part) => (judged[part]?.length ?? 0) === 0)) return;
  const { system, user } = judgePrompt(judge, judged);
  const inputTokens =
    Math.ceil((system.length + user.length) / CHARACTERS_PER_TOKEN) * judge.samples;
  const outputTokens = judge.maxTokens * judge.samples;
  estimate.calls += judge.samples;
  estimate.inputTokens += inputTokens;
  estimate.outputTokens += outputTokens;
  const pico = priceOf(judge, { inputTokens, outputTokens }, nowUnixMs);
  if (pico === undefined) estimate.usd = undefined;
  else if (estimate.usd !== undefined) estimate.usd += Number(pico) / 1e12;
}

export interface BackfillResult extends ScoringStats {
  records: number;
  chosen: number;
  spentUsd: number;
  /** Where it stopped because the money was spent; undefined: it came to the end. */
  stoppedAtUnixMs: number | undefined;
}

/** @param maxUsd what it may cost; undefined: as much as it takes */
export async function backfill(
  options: BackfillOptions,
  maxUsd: number | undefined,
  onPage: (done: { records: number; beganUnixMs: number }) => void = () => {},
): Promise<BackfillResult> {
  const {
    client,
    config,
    now = Date.now,
    pauseMs,
    signal = new AbortController().signal,
  } = options;
  // The day's end must not give it new money.
  const began = now();
  const budget = new Budget(maxUsd, { now: () => began });
  const scoring = new Scoring({ purseOf: () => budget, now, pauseMs });
  const providers = new Providers(config.providers);
  const counts = { records: 0, chosen: 0 };
  let stoppedAtUnixMs: number | undefined;
  try {
    for await (const page of pagesOf(options)) {
      if (maxUsd !== undefined && budget.stats().spentUsd >= maxUsd) {
        stoppedAtUnixMs = page.first.beganUnixMs;
        break;
      }
      await note(client, page);
      await inParallel(page.chosen, RECORDS_AT_ONCE, async ({ judged, profile, whole }) => {
        const context = { providers, stored: page.stored, signal };
        const rows = await scoring.rowsOf(profile, judged, whole, context);
        const { traceId } = whole.record.answered;
        if (rows.length > 0) await insertEvaluations(client, rows, `${page.token}/${traceId}`);
      });
      counts.records += page.undecided.length;
      counts.chosen += page.chosen.length;
      onPage({ records: counts.records, beganUnixMs: page.last.beganUnixMs });
    }
  } finally {
    providers.stop();
  }
  return { ...scoring.stats(), ...counts, spentUsd: budget.stats().spentUsd, stoppedAtUnixMs };
}

/** What was never decided is decided, and so counted as traffic; what was judged keeps pace with its rule. */
async function note(client: ClickHouseClient, page: Page): Promise<void> {
  const { chosen, undecided, token } = page;
  await insertDecisions(client, undecided, `${token}/decisions`);
  const byProbability = Map.groupBy(chosen, ({ whole }) => whole.judgeProbability);
  for (const [probability, those] of byProbability) {
    const traceIds = those.map(({ whole }) => whole.record.answered.traceId);
    await raiseProbability(
      client,
      { traceIds, probability },
      `${token}/raise/${probability}/${Date.now()}`,
    );
  }
}

interface ChosenRecord {
  profile: Profile;
  whole: Chosen;
  judged: JudgedRecord;
}

interface Page {
  first: PagePosition;
  last: PagePosition;
  /** Of the same page of the same configuration, the same. */
  token: string;
  /** That no judge has decided on before. */
  undecided: readonly DecisionRow[];
  /** All that are drawn now, decided on before or not. */
  chosen: readonly ChosenRecord[];
  stored: ReadonlyMap<string, StoredScore>;
}

async function* pagesOf(options: BackfillOptions): AsyncGenerator<Page> {
  const { client, config, now = Date.now, signal } = options;
  const range = { ...options, settledUnixMs: now() - config.settleMs };
  let after: PagePosition = { beganUnixMs: options.fromUnixMs, traceId: "" };
  for (;;) {
    signal?.throwIfAborted();
    const traces = await pageOf(client, range, after, TRACES_PER_PAGE);
    const [first] = traces;
    if (!first) return;
    after = traces.at(-1)!;
    yield await pageFrom(options, traces, first, after);
  }
}

async function pageFrom(
  { client, config, now = Date.now }: BackfillOptions,
  traces: readonly PagePosition[],
  first: PagePosition,
  last: PagePosition,
): Promise<Page> {
  const ids = traces.map(({ traceId }) => traceId);
  const page = {
    first,
    last,
    token: `backfill/${first.beganUnixMs}-${first.traceId}-${ids.length}`,
  };
  const extent = await extentOf(client, ids);
  if (!extent) return { ...page, undecided: [], chosen: [], stored: new Map() };
  const [decisions, decided] = await Promise.all([
    decisionsOn(client, {
      condition: WITHIN,
      params: withinParameters(ids, extent),
      profiles: config.profiles,
      nowUnixMs: now(),
    }),
    decidedOf(client, ids),
  ]);
  const drawn = decisions.filter(({ reason }) => reason === "chosen");
  const drawnIds = drawn.map(({ trace_id }) => trace_id);
  return {
    ...page,
    undecided: decisions.filter(({ trace_id }) => !decided.has(trace_id)),
    chosen: await recordsOf(client, config, drawn, extent),
    stored: await storedScores(client, drawnIds),
  };
}

async function recordsOf(
  client: ClickHouseClient,
  { golden, canaryReferences, profiles }: JudgeConfig,
  drawn: readonly DecisionRow[],
  extent: Extent,
): Promise<ChosenRecord[]> {
  const ids = drawn.map(({ trace_id }) => trace_id);
  const [spans, contents] = await Promise.all([
    spansOf(client, ids, extent),
    contentsOf(client, ids, extent),
  ]);
  return drawn.flatMap(({ trace_id, rule, probability }) => {
    const record = recordOf(spans.get(trace_id) ?? []);
    const profile = record && profileFor(record.answered.project, profiles);
    if (!profile) return [];
    const { referenceFrom, ...judged } = judgedRecord(
      record,
      contents.get(trace_id) ?? new Map(),
      (question) => golden.get(normalisedQuestion(question)),
      (question) => canaryReferences.get(normalisedQuestion(question)),
    );
    const whole: Chosen = {
      record,
      stratum: rule,
      judgeProbability: probability,
      referenceFrom,
      purpose: "traffic",
    };
    return [{ profile, whole, judged }];
  });
}
