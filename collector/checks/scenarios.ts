/**
 * Test support: what happened in a number of projects around one noon, and which checks must fire for it, and which must not.
 *
 * Every project has five weeks of ordinary traffic at the same hours; each then goes its own way from minute 0. Rows go
 * into the rollups and the evaluations, which is where the checks read.
 */
import type { ClickHouseClient } from "@clickhouse/client";

/** Minutes from noon; each part lasts up to the next one's beginning. */
interface Traffic {
  from: number;
  /** A minute; less than one: every so many minutes. */
  calls?: number;
  errors?: number;
  usd?: number;
  tokens?: number;
  ms?: number;
  unpriced?: number;
}

interface Scores {
  from: number;
  to: number;
  /** An hour. */
  n: number;
  norm: number;
  /** Share of them that failed to be judged. */
  failed?: number;
  release?: string;
  sentinel?: boolean;
}

export interface Scenario {
  /** For the table in the docs. */
  what: string;
  /** Calls a minute in the weeks before. @default 20 */
  usual?: number;
  traffic?: readonly Traffic[];
  scores?: readonly Scores[];
  /** Records chosen to be judged, an hour. */
  chosen?: number;
  /** Must fire, and by which minute. */
  fires?: Readonly<Record<string, number>>;
  /** Of those, which must be over at the end. */
  resolves?: readonly string[];
  /** Must be held back. */
  muted?: readonly string[];
  /** Must not fire; with `true`, none at all. */
  quiet?: readonly string[] | true;
}

const NOON_BEFORE = 26 * 60;
export const MINUTES = 330;
const HISTORY_DAYS = [1, 2, 3, 4, 7, 14, 21, 28, 35];

const normal = { calls: 20, errors: 0, usd: 0.01, tokens: 500, ms: 800, unpriced: 0 };

const scored = (norm: number, n = 200, more: Partial<Scores> = {}): Scores => ({
  from: -NOON_BEFORE,
  to: MINUTES,
  n,
  norm,
  ...more,
});

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  steady: { what: "nothing happens", scores: [scored(0.8)], chosen: 200, quiet: true },
  failing: {
    what: "60 % of the calls fail for an hour",
    traffic: [{ from: 0, errors: 0.6 }, { from: 60 }],
    fires: { "error-budget-fast": 20, "error-budget-slow": 45 },
    resolves: ["error-budget-fast", "error-budget-slow"],
    quiet: ["traffic-stopped", "cost-spike", "latency-p95"],
  },
  "failing-few": {
    what: "60 % of the calls fail, one call a minute",
    usual: 1,
    traffic: [{ from: 0, calls: 1, errors: 0.6 }],
    quiet: ["error-budget-fast", "traffic-stopped"],
  },
  "failing-steadily": {
    what: "5 % of the calls fail for a day",
    traffic: [{ from: -NOON_BEFORE, errors: 0.05 }, { from: -30 }],
    fires: { "error-budget-ticket": 30 },
    resolves: ["error-budget-ticket"],
    quiet: ["error-budget-fast", "error-budget-slow"],
  },
  stopped: {
    what: "a busy service makes no call for an hour",
    traffic: [{ from: 0, calls: 0 }, { from: 60 }],
    fires: { "traffic-stopped": 25 },
    resolves: ["traffic-stopped"],
    quiet: ["error-budget-fast", "error-budget-slow", "cost-spike", "latency-p95", "cost-per-call"],
  },
  "stopped-quiet": {
    what: "a service that makes a call now and then makes none",
    usual: 0.5,
    traffic: [{ from: 0, calls: 0 }],
    quiet: true,
  },
  dearer: {
    what: "a call costs twice as much, at 1,000 calls an hour",
    usual: 17,
    traffic: [
      { from: 0, calls: 17, usd: 0.02 },
      { from: 120, calls: 17 },
    ],
    fires: { "cost-spike": 15, "cost-per-call": 90, "cost-slices": 90 },
    resolves: ["cost-spike", "cost-per-call", "cost-slices"],
    quiet: ["error-budget-fast", "latency-p95", "token-spike"],
  },
  "dearer-cheap": {
    what: "a call costs twice as much, in a project that spends 20 cents an hour",
    traffic: [
      { from: -NOON_BEFORE, usd: 0.0002 },
      { from: 0, usd: 0.0004 },
    ],
    quiet: ["cost-spike", "cost-slices"],
  },
  busier: {
    what: "three times the calls at the same price each",
    traffic: [{ from: 0, calls: 60 }, { from: 120 }],
    fires: { "cost-spike": 15, "token-spike": 30 },
    resolves: ["cost-spike", "token-spike"],
    quiet: ["cost-per-call", "latency-p95", "traffic-stopped"],
  },
  slower: {
    what: "calls take three times as long",
    traffic: [{ from: 0, ms: 2_400 }, { from: 60 }],
    fires: { "latency-p95": 25, "ttft-p95": 30 },
    resolves: ["latency-p95", "ttft-p95"],
    quiet: ["cost-spike", "error-budget-fast"],
  },
  "slower-few": {
    what: "calls take three times as long, two calls a minute",
    usual: 2,
    traffic: [{ from: 0, calls: 2, ms: 2_400 }],
    quiet: ["latency-p95", "ttft-p95"],
  },
  unpriced: {
    what: "calls of a model have no price",
    traffic: [{ from: 0, unpriced: 1 }, { from: 60 }],
    fires: { "unpriced-model": 20 },
    resolves: ["unpriced-model"],
    quiet: ["error-budget-fast", "traffic-stopped"],
  },
  budgeted: {
    what: "$12 an hour are spent, where $100 a month are allowed",
    fires: { "spend-burn": 20, "spend-forecast": 70 },
    quiet: ["cost-spike"],
  },
  "bad-answers": {
    what: "answers stop passing the judge for three hours",
    scores: [
      scored(0.8, 400, { to: 0 }),
      { from: 0, to: 180, n: 400, norm: 0.1 },
      { from: 180, to: MINUTES, n: 400, norm: 0.8 },
    ],
    fires: { "quality-budget-fast": 100, "quality-budget-slow": 210 },
    resolves: ["quality-budget-fast", "quality-budget-slow"],
    quiet: ["judge-failing", "judge-silent", "error-budget-fast"],
  },
  "bad-answers-few": {
    what: "answers stop passing the judge, ten judged an hour",
    scores: [scored(0.8, 10, { to: 0 }), { from: 0, to: MINUTES, n: 10, norm: 0.1 }],
    fires: { "quality-drop": 240 },
    quiet: ["quality-budget-fast", "quality-budget-slow"],
  },
  "worse-answers": {
    what: "a third of the answers do not pass the judge, for a day",
    scores: [scored(0.55, 100, { to: 30 }), { from: 30, to: MINUTES, n: 100, norm: 0.8 }],
    fires: { "quality-budget-ticket": 70 },
    quiet: ["quality-budget-fast", "judge-failing"],
  },
  "judge-broken": {
    what: "half of the judgements fail, and the others are bad scores",
    scores: [
      scored(0.8, 400, { to: 0 }),
      { from: 0, to: 120, n: 400, norm: 0.1, failed: 0.5 },
      { from: 120, to: MINUTES, n: 400, norm: 0.8 },
    ],
    fires: { "judge-failing": 60 },
    resolves: ["judge-failing"],
    muted: ["quality-budget-fast"],
    quiet: ["quality-budget-fast", "quality-budget-slow"],
  },
  "judge-away": {
    what: "records are chosen, and none is judged",
    chosen: 200,
    scores: [scored(0.8, 200, { to: -300 })],
    fires: { "judge-silent": 100, "judge-backlog": 100 },
    quiet: ["quality-budget-fast", "quality-drop"],
  },
  "judge-drifts": {
    what: "records that never change get lower scores than yesterday",
    scores: [
      { from: -14 * 1_440, to: -240, n: 20, norm: 0.8, sentinel: true },
      { from: -240, to: MINUTES, n: 60, norm: 0.3, sentinel: true },
    ],
    fires: { "judge-drift": 240 },
    quiet: ["quality-budget-fast", "quality-drop"],
  },
  "worse-release": {
    what: "the newest release is judged worse",
    scores: [
      { from: -7 * 1_440, to: -240, n: 20, norm: 0.8, release: "v1" },
      { from: -240, to: MINUTES, n: 60, norm: 0.55, release: "v2" },
    ],
    fires: { "quality-release": 300 },
    quiet: ["quality-budget-fast", "judge-failing"],
  },
};

/** @param noon unix seconds */
export async function writeScenarios(
  client: ClickHouseClient,
  noon: number,
  names: readonly string[] = Object.keys(SCENARIOS),
): Promise<void> {
  for (const project of names) {
    const scenario = SCENARIOS[project]!;
    const usual = scenario.usual ?? normal.calls;
    for (const day of HISTORY_DAYS)
      for (let hour = -2; hour <= 7; hour++) {
        const at = noon - day * 86_400 + hour * 3_600;
        await writeCalls(client, {
          table: "llm_1h",
          project,
          from: at,
          step: 3_600,
          count: 1,
          part: { ...normal, calls: usual * 60 },
        });
      }
    const parts = [{ from: -NOON_BEFORE }, ...(scenario.traffic ?? [])];
    for (const [i, part] of parts.entries()) {
      const to = parts[i + 1]?.from ?? MINUTES;
      if (to <= part.from) continue;
      const full = { ...normal, calls: usual, ...part };
      const [from, count] = [noon + part.from * 60, to - part.from];
      await writeCalls(client, { table: "llm_1m", project, from, step: 60, count, part: full });
    }
    for (const one of scenario.scores ?? []) await writeScores(client, project, noon, one);
    if (scenario.chosen) await writeChosen(client, project, noon, scenario.chosen);
  }
}

interface Calls {
  table: "llm_1m" | "llm_1h";
  project: string;
  /** Unix seconds. */
  from: number;
  step: number;
  /** Rows. */
  count: number;
  part: typeof normal;
}

/** Each row's calls spread by ± 40 % in latency; a part of a call a minute is a call now and then. */
async function writeCalls(
  client: ClickHouseClient,
  { table, project, from, step, count, part }: Calls,
) {
  const every = part.calls > 0 && part.calls < 1 ? Math.round(1 / part.calls) : 1;
  const calls = part.calls === 0 ? 0 : Math.max(1, Math.round(part.calls));
  if (calls === 0) return;
  await client.command({
    query: `INSERT INTO ${table} (project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status,
        calls, spans, errors, input_tokens, output_tokens, cost, unpriced_calls, ttft_calls, duration_ms_sketch, ttft_ms_sketch)
      SELECT {project:String}, toDateTime({from:UInt32} + row * {step:UInt32} * {every:UInt32}, 'UTC') AS ts, 'web', 'production', 'openai', 'm', 'm', 'chat', 1, 'ok',
        {calls:Int64}, {calls:Int64}, round({calls:Int64} * {errors:Float64}), {calls:Int64} * {tokens:Int64}, {calls:Int64} * 50,
        toDecimal128({calls:Int64} * {usd:Float64}, 12), round({calls:Int64} * {unpriced:Float64}), {calls:Int64},
        quantilesBFloat16State(0.5, 0.95, 0.99)(toFloat32({ms:Float64} * (0.6 + 0.8 * (cityHash64(number) % 1000) / 1000))),
        quantilesBFloat16IfState(0.5, 0.95, 0.99)(toFloat32({ms:Float64} * 0.4 * (0.6 + 0.8 * (cityHash64(number) % 1000) / 1000)), toUInt8(1))
      FROM (SELECT number, intDiv(number, {calls:UInt64}) AS row FROM numbers({rows:UInt64})) GROUP BY row`,
    query_params: {
      ...part,
      project,
      from,
      step,
      every,
      calls,
      rows: Math.ceil(count / every) * calls,
    },
  });
}

async function writeScores(
  client: ClickHouseClient,
  project: string,
  noon: number,
  scores: Scores,
) {
  const { from, to, n, norm, failed = 0, release = "", sentinel = false } = scores;
  const count = Math.round(((to - from) / 60) * n);
  await client.command({
    query: `INSERT INTO evaluations (project, name, event_time, evaluated_at, evaluation_id, trace_id, span_id, source, status, score, norm, judge_hash, stratum,
        release, purpose, trace_probability, judge_probability)
      SELECT {project:String}, 'relevance', fromUnixTimestamp64Milli(toInt64(({from:Float64} + number * {apart:Float64}) * 1000), 'UTC') AS at, at,
        substring(MD5(concat({project:String}, toString({from:Float64}), toString(number))), 1, 16), substring(MD5(toString(number)), 1, 16), toFixedString('', 8), 'judge',
        if((number % 100) < {failed:Float64} * 100, 'failed', 'ok') AS outcome, if(outcome = 'ok', 4, NULL),
        if(outcome = 'ok', greatest(0, least(1, {norm:Float64} + 0.3 * ((cityHash64(number) % 1000) / 1000 - 0.5))), NULL), 'j1', 'all',
        {release:String}, {purpose:String}, 1, 0.5
      FROM numbers({count:UInt64})`,
    query_params: {
      project,
      from: noon + from * 60,
      apart: 3_600 / n,
      norm,
      failed,
      release,
      purpose: sentinel ? "sentinel" : "traffic",
      count,
    },
  });
}

async function writeChosen(
  client: ClickHouseClient,
  project: string,
  noon: number,
  records: number,
) {
  const hours = Array.from({ length: 32 }, (_, i) => noon - NOON_BEFORE * 60 + i * 3_600);
  await client.insert({
    table: "traffic_1h",
    values: hours.map((hour) => ({
      project,
      hour: hour - (hour % 3_600),
      reason: "chosen",
      records,
    })),
    format: "JSONEachRow",
  });
}
