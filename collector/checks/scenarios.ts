/**
 * Test support: what happened in a number of projects around one noon, and which checks must fire for it, and which must not.
 *
 * Every project has five weeks of ordinary traffic at the same hours; each then goes its own way from minute 0. Rows go
 * into the rollups and the evaluations, which is where the checks read.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { type Also, earlierHours, MINUTES, NOON_BEFORE, writeAlso } from "./scenario-rows.ts";

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
  /** @default "relevance" */
  metric?: string;
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
  also?: readonly Also[];
  /** Must fire, and by which minute. */
  fires?: Readonly<Record<string, number>>;
  /** Of those, which must be over at the end. */
  resolves?: readonly string[];
  /** Must be held back. */
  muted?: readonly string[];
  /** Must not fire; with `true`, none at all. */
  quiet?: readonly string[] | true;
}

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
  "worse-then-better": {
    what: "answers stop passing the judge for two hours, and pass again",
    scores: [
      scored(0.8, 60, { to: 0 }),
      { from: 0, to: 90, n: 60, norm: 0.2 },
      { from: 90, to: MINUTES, n: 60, norm: 0.8 },
    ],
    fires: { "quality-drop": 130 },
    resolves: ["quality-drop"],
    quiet: ["judge-failing"],
  },
  unfaithful: {
    what: "answers are not faithful to their context for two hours",
    scores: [
      scored(0.9, 200, { to: 0, metric: "faithfulness" }),
      { from: 0, to: 120, n: 200, norm: 0.4, metric: "faithfulness" },
      { from: 120, to: MINUTES, n: 200, norm: 0.9, metric: "faithfulness" },
    ],
    fires: { "faithfulness-floor": 90 },
    resolves: ["faithfulness-floor"],
    quiet: ["judge-failing"],
  },
  "unfaithful-few": {
    what: "answers are not faithful to their context, ten judged an hour",
    scores: [
      scored(0.9, 10, { to: 0, metric: "faithfulness" }),
      { from: 0, to: MINUTES, n: 10, norm: 0.4, metric: "faithfulness" },
    ],
    quiet: ["faithfulness-floor"],
  },
  refused: {
    what: "a provider refuses a fifth of the calls (429) for an hour",
    traffic: [{ from: 0, errors: 0.2 }, { from: 60 }],
    also: [{ of: "outcome", from: 0, to: 60, each: 4, outcome: "error", detail: "429" }],
    fires: { "provider-errors": 25, "rate-limited": 45 },
    resolves: ["provider-errors", "rate-limited"],
    quiet: ["latency-p95", "traffic-stopped", "fallback-share"],
  },
  "refused-few": {
    what: "a provider refuses a fifth of the calls, one call every two minutes",
    usual: 0.5,
    traffic: [{ from: 0, calls: 0.5, errors: 0.2 }],
    also: [{ of: "outcome", from: 0, to: 15, each: 0.2, outcome: "error", detail: "429" }],
    quiet: ["provider-errors", "rate-limited"],
  },
  "ended-badly": {
    what: "a third of the answers is cut off and a tenth is empty, for two hours",
    also: [
      { of: "outcome", from: 0, to: 120, each: 7, outcome: "finish", detail: "length" },
      { of: "outcome", from: 0, to: 120, each: 2, outcome: "empty", detail: "" },
    ],
    fires: { "truncated-answers": 60, "empty-answers": 60 },
    resolves: ["truncated-answers", "empty-answers"],
    quiet: ["error-budget-fast", "cost-spike", "provider-errors"],
  },
  "finds-nothing": {
    what: "half of the retrievals find nothing and half of the tools fail, for two hours",
    also: [
      { of: "work", operation: "retrieval", each: 10 },
      { of: "outcome", from: 0, to: 120, each: 5, outcome: "documents", detail: "none" },
      {
        of: "work",
        operation: "execute_tool",
        each: 10,
        parts: [
          { from: 0, failed: 0.5 },
          { from: 120, failed: 0 },
        ],
      },
    ],
    fires: { "empty-retrievals": 60, "tool-failures": 60 },
    resolves: ["empty-retrievals", "tool-failures"],
    quiet: ["error-budget-fast", "truncated-answers"],
  },
  "finds-little": {
    what: "half of the retrievals find nothing and half of the tools fail, one an hour",
    also: [
      { of: "work", operation: "retrieval", each: 1 / 60 },
      { of: "outcome", from: 0, to: 2, each: 1, outcome: "documents", detail: "none" },
    ],
    quiet: ["empty-retrievals", "tool-failures"],
  },
  "falls-back": {
    what: "in a third of the traces another model answers, for an hour",
    also: [
      { of: "trace", from: -30, to: MINUTES, every: 0.2, spans: [{ model: "m" }] },
      {
        of: "trace",
        from: 0,
        to: 60,
        every: 0.4,
        spans: [{ model: "m", status: "error" }, { model: "n" }],
      },
    ],
    fires: { "fallback-share": 25 },
    resolves: ["fallback-share"],
    quiet: ["looping-agent"],
  },
  loops: {
    what: "agents call one tool twelve times, five traces in a quarter of an hour",
    also: [
      {
        of: "trace",
        from: -30,
        to: MINUTES,
        every: 3,
        spans: [{ operation: "execute_tool", tool: "t" }],
      },
      {
        of: "trace",
        from: 0,
        to: 15,
        every: 3,
        spans: [{ operation: "execute_tool", tool: "t", times: 12 }],
      },
    ],
    fires: { "looping-agent": 35 },
    resolves: ["looping-agent"],
    quiet: ["fallback-share"],
  },
  "guardrails-fail": {
    what: "a guardrail's check fails and lets pass what it should have looked at",
    also: [
      { of: "guardrail", rule: "urls", each: 10, parts: [] },
      { of: "guardrail-error", from: 0, to: 30 },
    ],
    fires: { "guardrail-bypass": 12 },
    resolves: ["guardrail-bypass"],
    quiet: ["guardrail-blocks", "pii-hits"],
  },
  "guardrails-busy": {
    what: "a fifth of what guardrails look at is blocked for personal data, for two hours",
    also: [
      {
        of: "guardrail",
        rule: "pii",
        each: 10,
        parts: [
          { from: 0, share: 0.2 },
          { from: 120, share: 0.01 },
        ],
      },
    ],
    fires: { "guardrail-blocks": 60, "pii-hits": 60 },
    resolves: ["guardrail-blocks", "pii-hits"],
    quiet: ["guardrail-bypass"],
  },
  "another-model": {
    what: "a model answers for the first time",
    also: [
      { of: "model", at: -20 * 1_440, value: "m" },
      { of: "model", at: 5, value: "m-2" },
    ],
    fires: { "new-model": 35 },
    quiet: ["cost-spike", "latency-p95"],
  },
  "answers-vary": {
    what: "calls at temperature 0 got four answers to one prompt yesterday",
    also: [{ of: "answers", prompts: 60, different: 4 }],
    fires: { "answers-differ": 400 },
    quiet: ["quality-drop"],
  },
  "answers-agree": {
    what: "calls at temperature 0 got one answer to one prompt yesterday",
    also: [{ of: "answers", prompts: 60, different: 1 }],
    quiet: ["answers-differ"],
  },
  "answers-vary-few": {
    what: "calls at temperature 0 got four answers to one prompt yesterday, of three prompts",
    also: [{ of: "answers", prompts: 3, different: 4 }],
    quiet: ["answers-differ"],
  },
};

/** A few inserts for all projects: an insert is synced, and takes longer than its rows. @param noon unix seconds */
export async function writeScenarios(
  client: ClickHouseClient,
  noon: number,
  names: readonly string[] = Object.keys(SCENARIOS),
): Promise<void> {
  const hours = names.map((project): Calls => {
    const usual = SCENARIOS[project]!.usual ?? normal.calls;
    return {
      project,
      part: { ...normal, calls: usual * 60 },
      at: `[${earlierHours(noon).join(",")}]`,
    };
  });
  await writeCalls(client, "llm_1h", hours);
  await writeCalls(
    client,
    "llm_1m",
    names.flatMap((project) => minutesOf(project, noon)),
  );
  await writeScores(client, noon, names);
  for (const project of names) {
    const { chosen, also = [] } = SCENARIOS[project]!;
    if (chosen) await writeChosen(client, project, noon, chosen);
    for (const one of also) await writeAlso(client, { project, noon, also: one });
  }
}

interface Calls {
  project: string;
  /** Of each row. */
  part: typeof normal;
  /** Unix seconds of the rows: SQL of an array. */
  at: string;
}

function minutesOf(project: string, noon: number): Calls[] {
  const { traffic = [], usual = normal.calls } = SCENARIOS[project]!;
  const parts: readonly Traffic[] = [{ from: -NOON_BEFORE }, ...traffic];
  return parts.flatMap((part, i) => {
    const to = parts[i + 1]?.from ?? MINUTES;
    const full = { ...normal, calls: usual, ...part };
    if (full.calls === 0 || to <= part.from) return [];
    const every = full.calls < 1 ? Math.round(1 / full.calls) : 1;
    const rows = Math.ceil((to - part.from) / every);
    const at = `arrayMap(i -> toUInt32(${noon + part.from * 60} + i * ${every * 60}), range(${rows}))`;
    return [{ project, part: full, at }];
  });
}

/** Values that stand for a row's calls in its sketches. */
const SKETCHED = 50;

/** Each row's calls spread by ± 40 % in latency; a part of a call a minute is a call now and then. */
async function writeCalls(
  client: ClickHouseClient,
  table: "llm_1m" | "llm_1h",
  all: readonly Calls[],
): Promise<void> {
  const values = all.map(({ project, part, at }) => {
    const calls = Math.max(1, Math.round(part.calls));
    const { errors, usd, tokens, ms, unpriced } = part;
    return `('${project}', ${at}, ${calls}, ${errors}, ${usd}, ${tokens}, ${ms}, ${unpriced})`;
  });
  const columns =
    "project String, at Array(UInt32), calls Int64, errors Float64, usd Float64, tokens Int64, ms Float64, unpriced Float64";
  const spread = "(0.6 + 0.8 * (cityHash64(number, one) % 1000) / 1000)";
  await client.command({
    query: `INSERT INTO ${table} (project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status,
        calls, spans, errors, input_tokens, output_tokens, cost, unpriced_calls, ttft_calls, duration_ms_sketch, ttft_ms_sketch)
      SELECT project, toDateTime(one, 'UTC') AS ts, 'web', 'production', 'openai', 'm', 'm', 'chat', 1, 'ok',
        any(n), any(n), any(round(n * errors)), any(n * tokens), any(n * 50), toDecimal128(any(n * usd), 12), any(round(n * unpriced)), any(n),
        quantilesBFloat16State(0.5, 0.95, 0.99)(toFloat32(ms * ${spread})),
        quantilesBFloat16IfState(0.5, 0.95, 0.99)(toFloat32(ms * 0.4 * ${spread}), toUInt8(1))
      FROM (SELECT project, arrayJoin(at) AS one, calls AS n, errors, usd, tokens, ms, unpriced, arrayJoin(range(toUInt64(least(calls, ${SKETCHED})))) AS number
        FROM values('${columns}', ${values.join(", ")}))
      GROUP BY project, one`,
  });
}

async function writeScores(
  client: ClickHouseClient,
  noon: number,
  names: readonly string[],
): Promise<void> {
  const values = names.flatMap((project) =>
    (SCENARIOS[project]!.scores ?? []).map((scores) => {
      const { from, to, n, norm, failed = 0, release = "", sentinel = false } = scores;
      const count = Math.round(((to - from) / 60) * n);
      return `('${project}', ${noon + from * 60}, ${count}, ${3_600 / n}, ${norm}, ${failed}, '${release}', '${sentinel ? "sentinel" : "traffic"}', '${scores.metric ?? "relevance"}')`;
    }),
  );
  if (values.length === 0) return;
  const columns =
    "project String, start Float64, count UInt64, apart Float64, mean Float64, failed Float64, release String, purpose String, metric String";
  await client.command({
    query: `INSERT INTO evaluations (project, name, event_time, evaluated_at, evaluation_id, trace_id, span_id, source, status, score, norm, judge_hash, stratum,
        release, purpose, trace_probability, judge_probability)
      SELECT project, metric, fromUnixTimestamp64Milli(toInt64((start + number * apart) * 1000), 'UTC') AS at, at,
        substring(MD5(concat(project, toString(start), toString(number), metric)), 1, 16), substring(MD5(toString(number)), 1, 16), toFixedString('', 8), 'judge',
        if((number % 100) < failed * 100, 'failed', 'ok') AS outcome, if(outcome = 'ok', 4, NULL),
        if(outcome = 'ok', greatest(0, least(1, mean + 0.3 * ((cityHash64(number) % 1000) / 1000 - 0.5))), NULL), 'j1', 'all', release, purpose, 1, 0.5
      FROM (SELECT *, arrayJoin(range(count)) AS number FROM values('${columns}', ${values.join(", ")}))`,
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
