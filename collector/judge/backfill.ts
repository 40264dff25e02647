/**
 * Judging of a past period, by the same rules and judges as of traffic that settles now. Records are drawn by the same
 * hash, so that what was judged then is judged here too, and is not paid for again. First the cost is estimated: every
 * prompt is made, and none is sent.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { insertEvaluations } from "@assay/clickhouse";
import { Budget } from "./budget.ts";
import { normalisedQuestion, type Judge, type JudgeConfig } from "./config.ts";
import { inParallel } from "./in-parallel.ts";
import { judgePrompt, type JudgedRecord } from "./prompt.ts";
import { priceOf, Providers } from "./providers.ts";
import { judgedRecord, recordOf, type SpanContent } from "./record.ts";
import { contentsOf, pageOf, tracesWhere, type PagePosition } from "./records.ts";
import { decidedOf, insertDecisions, insertTraffic, raiseProbability } from "./rows.ts";
import type { Chosen } from "./score-row.ts";
import { judgesFor, Scoring, type ScoringStats } from "./scoring.ts";
import { storedScores, type StoredScore } from "./stored-scores.ts";
import { choose, type ChosenRecord, type Choice } from "./traffic.ts";

const TRACES_PER_PAGE = 1_000;
const RECORDS_AT_ONCE = 64;
/** A trace may begin before the range that one of its calls is in. */
const AROUND_MS = 86_400_000;
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
    estimate.records += page.choice.decisions.length;
    estimate.chosen += page.choice.chosen.length;
    for (const { judged, chosen } of page.judged()) {
      const { traceId, spanId } = chosen.record.answered;
      for (const judge of judgesFor(chosen.profile, judged.reference !== undefined)) {
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
  const scoring = new Scoring({ budget, now, pauseMs });
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
      await inParallel([...page.judged()], RECORDS_AT_ONCE, async ({ judged, chosen, whole }) => {
        const context = { providers, stored: page.stored, signal };
        const rows = await scoring.rowsOf(chosen.profile, judged, whole, context);
        const { traceId } = chosen.record.answered;
        if (rows.length > 0) await insertEvaluations(client, rows, `${page.token}/${traceId}`);
      });
      counts.records += page.choice.decisions.length;
      counts.chosen += page.choice.chosen.length;
      onPage({ records: counts.records, beganUnixMs: page.last.beganUnixMs });
    }
  } finally {
    providers.stop();
  }
  return { ...scoring.stats(), ...counts, spentUsd: budget.stats().spentUsd, stoppedAtUnixMs };
}

/** What was never decided is counted as traffic, and the decision kept; what was judged keeps pace with its rule. */
async function note(client: ClickHouseClient, page: Page): Promise<void> {
  const { choice, token } = page;
  await insertTraffic(client, choice.traffic, `${token}/traffic`);
  await insertDecisions(client, choice.decisions, `${token}/decisions`);
  const byProbability = Map.groupBy(choice.chosen, (one) => one.judgeProbability);
  for (const [probability, chosen] of byProbability) {
    const traceIds = chosen.map(({ record }) => record.answered.traceId);
    await raiseProbability(
      client,
      { traceIds, probability },
      `${token}/raise/${probability}/${Date.now()}`,
    );
  }
}

interface Page {
  first: PagePosition;
  last: PagePosition;
  /** Of the same page of the same configuration, the same. */
  token: string;
  choice: Choice;
  stored: ReadonlyMap<string, StoredScore>;
  judged: () => Iterable<{ chosen: ChosenRecord; whole: Chosen; judged: JudgedRecord }>;
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
  const spans = await tracesWhere(
    client,
    `event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
       AND trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))`,
    { from: first.beganUnixMs - AROUND_MS, to: last.beganUnixMs + AROUND_MS, traces: ids },
  );
  const records = [...spans.values()].flatMap((one) => recordOf(one) ?? []);
  const all = choose(records, config.profiles, { factor: 1, nowUnixMs: now() });
  const decided = await decidedOf(client, ids);
  const undecided = records.filter(({ answered }) => !decided.has(answered.traceId));
  const fresh = choose(undecided, config.profiles, { factor: 1, nowUnixMs: now() });
  const chosenIds = all.chosen.map(({ record }) => record.answered.traceId);
  const contents = await contentsOf(
    client,
    all.chosen.map(({ record }) => record.answered),
  );
  return {
    first,
    last,
    token: `backfill/${first.beganUnixMs}-${first.traceId}-${ids.length}`,
    choice: { ...all, traffic: fresh.traffic, decisions: fresh.decisions },
    stored: await storedScores(client, chosenIds),
    judged: () => judgedOf(config, all.chosen, contents),
  };
}

function* judgedOf(
  { golden, canaryReferences }: JudgeConfig,
  all: readonly ChosenRecord[],
  contents: ReadonlyMap<string, ReadonlyMap<string, SpanContent>>,
): Iterable<{ chosen: ChosenRecord; whole: Chosen; judged: JudgedRecord }> {
  for (const chosen of all) {
    const { profile: _profile, ...rest } = chosen;
    const { referenceFrom, ...judged } = judgedRecord(
      chosen.record,
      contents.get(chosen.record.answered.traceId) ?? new Map(),
      (question) => golden.get(normalisedQuestion(question)),
      (question) => canaryReferences.get(normalisedQuestion(question)),
    );
    yield { chosen, whole: { ...rest, referenceFrom, purpose: "traffic" }, judged };
  }
}
