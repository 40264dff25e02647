/**
 * Test support: a day of two projects, small enough to be added up by hand. Every panel is asked for the 24 hours that end at noon
 * of 16 March 2035, in steps of an hour; what it must answer stands in the other files of this folder.
 *
 * Beside it lies what must not be counted: a project, a guard and a collector that are not chosen, what came before the range, and
 * older rows of an evaluation that came again. The year is one in which no retention has begun.
 */
import type { ClickHouseClient } from "@clickhouse/client";

/** Unix seconds. */
export const NOON = Date.UTC(2035, 2, 16, 12) / 1_000;

export const CHOICES = {
  project: ["search", "shop"],
  guard: ["main"],
  collector: ["c1", "c2"],
  model: ["big", "small"],
  check: ["cost-spike"],
} as const;

/** Unix seconds of `"16 10:05"`, a day of that March and a time; and of `"02-28 11:00"`. */
export function at(text: string): number {
  const date = text.includes("-") ? `2035-${text}` : `2035-03-${text}`;
  return Date.parse(`${date.replace(" ", "T")}:00Z`) / 1_000;
}

const idText = (name: string, length: number): string => name.padEnd(length, "_");
/** Of the trace of a call or an evaluation, as the page names it. */
export const traceId = (name: string): string => Buffer.from(idText(name, 16)).toString("hex");

interface Call {
  project?: string;
  service?: string;
  release?: string;
  /** Of the prompt "answer". */
  version?: string;
  user?: string;
  asked?: string;
  /** Of the model that was asked for, where it is not said. */
  answered?: string;
  error?: string;
  /** Input tokens, of those from a cache, output tokens. */
  tokens?: readonly [number, number, number];
  /** Null: its price is not known. */
  usd: string | null;
  ms: number;
  firstTokenMs?: number;
  finish?: string;
  /** What was asked at temperature 0, and answered. */
  same?: readonly [prompt: string, answer: string];
}

/** By the time at which they began, and a name for their trace. */
const CALLS: Readonly<Record<string, Call>> = {
  "16 10:05 A": { user: "ada", tokens: [1_000, 400, 100], usd: "0.010", ms: 1_024, firstTokenMs: 256, same: ["P", "x"] },
  "16 10:10 B": { user: "ada", tokens: [3_000, 0, 300], usd: "0.030", ms: 3_072, firstTokenMs: 512, finish: "length", same: ["P", "y"] },
  "16 10:20 E": { user: "bob", answered: "", error: "429", tokens: [0, 0, 0], usd: "0.002", ms: 512 },
  "16 11:10 F": { service: "api", release: "r2", version: "2", user: "bob", asked: "small", tokens: [500, 0, 50], usd: null, ms: 256, same: ["Q", "z"] },
  "16 11:20 C": { service: "api", release: "r2", version: "2", asked: "small", tokens: [500, 0, 150], usd: "0.001", ms: 768, same: ["Q", "z"] },
  "16 11:30 D": { project: "search", user: "cy", tokens: [2_000, 1_000, 200], usd: "0.015", ms: 2_048, firstTokenMs: 1_024, same: ["P", "x"] },
  "15 22:30 G": { user: "ada", tokens: [1_000, 0, 100], usd: "0.020", ms: 1_024, firstTokenMs: 256 },
  // A week before, in the same month; in the month before; and in a project that is not chosen.
  "09 11:00 W": { user: "ada", tokens: [1_000, 0, 100], usd: "0.039", ms: 1_024 },
  "02-28 11:00 M": { user: "ada", tokens: [1_000, 0, 100], usd: "1", ms: 1_024 },
  "16 11:00 O": { project: "other", user: "eve", tokens: [9_000, 9_000, 9_000], usd: "5", ms: 8_192, firstTokenMs: 4_096, finish: "length" },
}; // prettier-ignore

function spanOf(when: string, ms: number, more: object): object {
  const [, time, name] = /^(.+) (\w+)$/.exec(when)!;
  const start = BigInt(at(time!)) * 1_000_000_000n;
  return {
    project: "shop", service: "web", environment: "production", status: "ok", trace_id: idText(name!, 16), span_id: idText(time!.slice(-5), 8),
    event_time: `${at(time!)}.000000000`, received_at: `${at(time!)}.000`, start_unix_nano: String(start), duration_ns: ms * 1e6,
    end_unix_nano: String(start + BigInt(ms) * 1_000_000n), collector_id: "c1", ...more,
  }; // prettier-ignore
}

function calls(): object[] {
  return Object.entries(CALLS).map(([when, call]) => {
    const { project = "shop", service = "web", release = "r1", version = "1", user = "", asked = "big", answered = asked } = call;
    const { error = "", tokens: [input, cached, output] = [0, 0, 0], usd, ms, firstTokenMs = 0, finish = "stop", same } = call;
    return spanOf(when, ms, {
      project, service, release, prompt_name: "answer", prompt_version: version, user_id: user, operation: "chat", is_model_call: true, provider: "openai",
      request_model: asked, response_model: answered, status: error ? "error" : "ok", error_type: error, finish_reasons: error ? [] : [finish],
      input_tokens: input, cache_read_tokens: cached, output_tokens: output, cost: usd, cost_status: usd === null ? "unpriced" : "priced", ttft_ns: firstTokenMs * 1e6,
      temperature: same ? 0 : 1, prompt_hash: same ? same[0].repeat(32) : "", has_content: same !== undefined, content_output: same?.[1] ?? "",
    });
  }); // prettier-ignore
}

function others(): object[] {
  const retrieval = { operation: "retrieval" };
  return [
    spanOf("16 10:04 A", 256, { ...retrieval, document_count: 3 }),
    spanOf("16 10:09 B", 512, { ...retrieval, document_count: 0 }),
    spanOf("16 11:29 D", 256, { ...retrieval, project: "search", document_count: 5 }),
    spanOf("16 11:19 C", 128, { service: "api", operation: "execute_tool", tool_name: "lookup", status: "error", error_type: "Timeout" }),
    spanOf("16 11:01 O", 64, { ...retrieval, project: "other", document_count: 0 }),
    guarded("16 10:03 A", { check: "pii", stage: "input", action: "pass", latency_ms: 8, match_count: 0 }),
    guarded("16 10:08 B", { check: "pii", stage: "input", action: "block", latency_ms: 16, match_count: 2 }),
    guarded("16 10:13 E", { check: "pii", stage: "input", action: "pass", error: "timeout", latency_ms: 64, match_count: 0 }),
    guarded("16 11:03 F", { check: "urls", stage: "output", action: "redact", latency_ms: 4, match_count: 1 }),
    guarded("16 11:04 F", { name: "spare", check: "urls", stage: "output", action: "block", latency_ms: 512, match_count: 9 }),
  ]; // prettier-ignore
}

/** A span of a guard, with what one check of it found. */
function guarded(when: string, found: Record<string, string | number>): object {
  const attributes = Object.entries({ name: "main", ...found }).map(([key, value]) => ({
    key: `assay.guardrail.${key}`,
    value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value },
  }));
  return spanOf(when, 64, {
    event_times: [`${at(when.slice(0, -2))}000000000`],
    event_names: ["assay.guardrail.result"],
    event_attributes: [JSON.stringify(attributes)],
  });
}

/** What was judged: when, of which project, model and release, and with what probability. */
const RECORDS = {
  A: { when: "16 10:05", project: "shop", model: "big", release: "r1", judge_probability: 1, reference: "golden" },
  B: { when: "16 10:10", project: "shop", model: "big", release: "r1", judge_probability: 0.5 },
  C: { when: "16 11:20", project: "shop", model: "small", release: "r2", judge_probability: 0.25 },
  D: { when: "16 11:30", project: "search", model: "big", release: "r1", judge_probability: 0.5 },
  O: { when: "16 11:00", project: "other", model: "big", release: "r1", judge_probability: 1 },
  // Before the range.
  Y: { when: "15 11:00", project: "shop", model: "big", release: "r1", judge_probability: 1 },
} as const; // prettier-ignore
type RecordName = keyof typeof RECORDS;

let made = 0;
/** Judged five minutes after it came, where nothing else is said. */
function evaluation(record: RecordName, name: string, more: Record<string, unknown>): object {
  const { when, ...of } = RECORDS[record];
  const { after = 300, ...columns } = more;
  return {
    name, event_time: `${at(when)}.000`, evaluated_at: `${at(when) + Number(after)}.000`, evaluation_id: idText(String(++made), 16), trace_id: idText(record, 16),
    span_id: idText(when.slice(-5), 8), source: "judge", purpose: "traffic", status: "ok", trace_probability: 1, ...of, ...columns,
  }; // prettier-ignore
}

const JUDGE = {
  evaluator: "gpt",
  judge_hash: "abcdef0123456789",
  strategy: "likert",
  role: "cheap",
};

function evaluations(): object[] {
  const composite = (record: RecordName, norm: number, more = {}) =>
    evaluation(record, "composite", { role: "composite", norm, ...more });
  const faithful = (record: RecordName, norm: number | null, latency_ms: number, more = {}) =>
    evaluation(record, "faithfulness", {
      ...JUDGE,
      norm,
      latency_ms,
      cost: norm === null ? null : "0.001",
      ...more,
    });
  const relevant = (record: RecordName, norm: number | null, more = {}) =>
    evaluation(record, "relevance", { ...JUDGE, norm, latency_ms: 500, cost: "0.002", ...more });
  const person = (record: RecordName, name: string, norm: number, more = {}) =>
    evaluation(record, name, {
      source: "human",
      role: "human",
      evaluator: "ada",
      purpose: "audit",
      norm,
      ...more,
    });
  const again = { evaluation_id: idText("again", 16) };
  const compositeAgain = { evaluation_id: idText("composite again", 16) };
  return [
    composite("A", 0.9),
    composite("B", 1, { after: 60, ...compositeAgain }),
    composite("B", 0.2, compositeAgain),
    composite("C", 0.8),
    composite("D", 0.6),
    composite("O", 0),
    composite("Y", 0),
    faithful("A", 1, 1_000),
    faithful("B", 0.25, 2_000, { explanation: "says what is not there" }),
    faithful("C", 0.75, 3_000),
    faithful("D", null, 4_000, { status: "failed", error_type: "timeout" }),
    relevant("A", 0.75),
    relevant("B", 0.5, again),
    relevant("B", 0.9, { after: 60, ...again }),
    relevant("C", 0.25),
    relevant("D", null, { status: "abstain" }),
    // A second time by the same judge; and by people.
    relevant("A", 0.25, { purpose: "retest", after: 600 }),
    person("A", "relevance", 0.75),
    person("B", "relevance", 0),
    person("C", "relevance", 0.25),
    // Records that never change, of ten days ago, judged today.
    relevant("A", 0.8, { purpose: "sentinel", event_time: `${at("06 10:05")}.000`, after: 3_600 }),
    relevant("B", 0.6, { purpose: "sentinel", event_time: `${at("06 10:10")}.000`, after: 3_600 }),
    person("B", "guardrail_block", 0, { source: "otlp", role: "", explanation: "was harmless" }),
    person("A", "guardrail_block", 1, { source: "otlp", role: "" }),
  ]; // prettier-ignore
}

function checkResults(): object[] {
  const result = (when: string, check_name: string, project: string, more: object) => ({
    check_name, project, series: "", event_time: at(when), evaluated_at: `${at(when) + 120}.000`, severity: "page", ...more,
  }); // prettier-ignore
  return [
    result("16 10:00", "cost-spike", "shop", { state: "ok", estimate: 1, threshold: 2 }),
    result("16 11:00", "cost-spike", "shop", {
      state: "firing", estimate: 5, threshold: 2, low: 4, high: 6, baseline: 1, n: 10, since: at("16 10:59"), reason: "five times as much", worst_traces: ["ab".repeat(16)],
    }),
    result("16 10:00", "latency-p95", "shop", { severity: "ticket", series: "model=big", state: "firing", estimate: 900, threshold: 700, n: 20, reason: "slow" }),
    result("16 11:00", "latency-p95", "shop", { severity: "ticket", series: "model=big", state: "firing", estimate: 950, threshold: 700, n: 30, reason: "slower" }),
    result("16 11:00", "quality-drop", "search", { series: "metric=relevance", state: "muted" }),
    result("16 10:00", "fallback-share", "shop", { series: "service=web", state: "ok", estimate: 0.25, threshold: 0.05 }),
    result("16 10:15", "fallback-share", "shop", { series: "service=web", state: "ok", estimate: 0.35, threshold: 0.05 }),
    result("16 11:00", "cost-spike", "other", { state: "firing", estimate: 99, threshold: 2 }),
    // Without a series there is one row that says that it was evaluated.
    result("16 11:00", "answers-differ", "", { state: "no_data" }),
  ]; // prettier-ignore
}

function incidents(): object[] {
  const event = (incident_id: string, when: string, more: object) => ({ incident_id, at: `${at(when)}.000`, project: "shop", subject: "cost", severity: "page", ...more }); // prettier-ignore
  return [
    event("i1", "16 11:00", { event: "open", title: "cost is $5/h" }),
    event("i1", "16 11:05", { event: "again", title: "cost is $6/h" }),
    event("i1", "16 11:10", { event: "acknowledge", by: "Ada" }),
    event("i2", "16 09:00", { event: "open", subject: "latency", title: "calls are slow" }),
    event("i2", "16 09:30", { event: "resolved", subject: "latency" }),
    event("i3", "16 11:00", { event: "open", project: "other", title: "not chosen" }),
  ];
}

type Figure = readonly [
  when: string,
  collector: string,
  value: number,
  labels?: Readonly<Record<string, string>>,
];

/** Of a gauge its value, of a counter what it went up by. */
const GAUGES: Readonly<Record<string, readonly Figure[]>> = {
  assay_ledger_residual_spans: [["16 10:30", "c1", 7], ["16 11:30", "c1", 0], ["16 11:30", "c2", 2], ["16 11:30", "c3", 50]],
  assay_outage_runway_seconds: [["16 10:30", "c1", 60], ["16 11:30", "c1", 7_200], ["16 11:30", "c2", 3_600], ["16 11:30", "c3", 1]],
  assay_insert_oldest_unsent_age_seconds: [["16 10:30", "c1", 9], ["16 11:30", "c1", 2], ["16 11:30", "c2", 5], ["16 11:30", "c3", 99]],
  otelcol_exporter_queue_size: [["16 10:30", "c1", 25], ["16 10:31", "c1", 50], ["16 11:30", "c2", 10], ["16 11:30", "c3", 99]],
  otelcol_exporter_queue_capacity: [["16 10:30", "c1", 100], ["16 10:31", "c1", 100], ["16 11:30", "c2", 200], ["16 11:30", "c3", 100]],
  assay_log_sync_seconds_max: [["16 10:30", "c1", 0.1], ["16 11:30", "c1", 0.1], ["16 11:30", "c2", 0.3], ["16 11:30", "c3", 9]],
  assay_forward_pending_spans: [["16 10:30", "c1", 7, { destination: "d" }], ["16 10:31", "c1", 9, { destination: "d" }], ["16 11:30", "c3", 99, { destination: "d" }]],
  otelcol_process_uptime: [["16 10:30", "c1", 600], ["16 11:30", "c2", 60], ["16 11:30", "c3", 60]],
  otelcol_process_memory_rss: [["16 10:30", "c1", 2e8], ["16 10:31", "c1", 1e8], ["16 11:30", "c2", 3e8], ["16 11:30", "c3", 9e9]],
  assay_canary_seconds: [["16 10:30", "c1", 1.5, { protocol: "http" }], ["16 10:31", "c1", 2.5, { protocol: "http" }], ["16 11:30", "c3", 99, { protocol: "http" }]],
  assay_canary_misses: [["16 10:30", "c1", 0], ["16 11:30", "c2", 2], ["16 11:30", "c3", 9]],
  assay_disk_free_bytes: [["16 10:30", "c1", 5e9], ["16 10:31", "c1", 4e9], ["16 11:30", "c2", 9e9], ["16 11:30", "c3", 1]],
  nodejs_eventloop_lag_p99_seconds: [["16 10:30", "c1", 0.01], ["16 10:31", "c1", 0.02], ["16 11:30", "c2", 0.3], ["16 11:30", "c3", 9]],
  assay_judge_lag_seconds: [["16 10:30", "c1", 4], ["16 10:31", "c1", 2], ["16 11:30", "c3", 99]],
  assay_checks_lag_seconds: [["16 11:30", "c2", 3], ["16 11:30", "c3", 99]],
}; // prettier-ignore
const COUNTERS: Readonly<Record<string, readonly Figure[]>> = {
  otelcol_receiver_accepted_spans_total: [["16 10:30", "c1", 500], ["16 11:30", "c1", 300], ["16 11:30", "c2", 200], ["16 11:30", "c3", 9_999]],
  otelcol_receiver_refused_spans_total: [["16 11:30", "c1", 5]],
  otelcol_receiver_failed_spans_total: [["16 11:30", "c2", 1]],
  assay_receiver_rejected_spans_total: [["16 11:30", "c2", 3]],
  assay_receiver_refused_requests_total: [["16 10:30", "c1", 1, { reason: "overload" }], ["16 11:30", "c1", 2, { reason: "malformed" }], ["16 11:30", "c2", 4, { reason: "malformed" }]],
  assay_log_sync_seconds_sum: [["16 10:30", "c1", 0.4], ["16 11:30", "c1", 0.2], ["16 11:30", "c2", 0.1]],
  assay_log_sync_seconds_count: [["16 10:30", "c1", 40], ["16 11:30", "c1", 10], ["16 11:30", "c2", 20]],
  otelcol_exporter_sent_spans_total: [["16 10:30", "c1", 450], ["16 11:30", "c1", 150], ["16 11:30", "c2", 100]],
  otelcol_exporter_send_failed_spans_total: [["16 11:30", "c2", 2]],
  assay_insert_failed_attempts_total: [["16 11:30", "c1", 3, { code: "241" }], ["16 11:30", "c2", 1, { code: "241" }], ["16 11:30", "c2", 5, { code: "252" }]],
  otelcol_process_cpu_seconds: [["16 10:30", "c1", 30], ["16 10:31", "c1", 42], ["16 11:30", "c2", 15]],
  assay_encode_unpriced_spans_total: [["16 10:30", "c1", 10]],
  assay_encode_folded_values_total: [["16 11:30", "c2", 2]],
}; // prettier-ignore

function figures(): object[] {
  const rows = (all: typeof GAUGES, column: "value" | "increase") =>
    Object.entries(all).flatMap(([name, list]) =>
      list.map(([when, collector_id, number, labels = {}]) => ({ name, collector_id, ts: at(when), labels, value: number, [column]: number })),
    ); // prettier-ignore
  return [...rows(GAUGES, "value"), ...rows(COUNTERS, "increase")];
}

function traffic(): object[] {
  const row = (when: string, stratum: string, reason: string, records: number, project = "shop") => ({ project, hour: at(when), stratum, reason, records, weight: records }); // prettier-ignore
  return [
    row("16 10:00", "rest", "chosen", 1),
    row("16 10:00", "rest", "not_chosen", 9),
    row("16 10:00", "rest", "no_content", 90),
    row("16 11:00", "errors", "chosen", 2),
    row("16 11:00", "rest", "chosen", 3),
    row("16 11:00", "rest", "not_chosen", 9, "search"),
    row("16 11:00", "rest", "chosen", 99, "other"),
  ];
}

/** Dollars for a million tokens: $2 for input of "big", and $0.50 where a cache had it; dearer before. */
function prices(): object[] {
  const price = (price_id: string, valid_from: string, input: number, cacheRead: number) => ({
    price_id, provider: "openai", model: "big", valid_from, per_request: "0", rates: JSON.stringify([{ aboveInputTokens: 0, picoUsd: { input, cacheRead } }]),
  }); // prettier-ignore
  return [
    price("big@2034", "2034-01-01", 9_000_000, 0),
    price("big@2035", "2035-01-01", 2_000_000, 500_000),
  ];
}

export async function writeRecords(client: ClickHouseClient): Promise<void> {
  const insert = (table: string, values: object[]) =>
    client.insert({ table: `assay.${table}`, values, format: "JSONEachRow" });
  await insert("ingest", [...calls(), ...others()]);
  await insert("evaluations", evaluations());
  await insert("check_results", checkResults());
  await insert("incidents", incidents());
  await insert("collector_metrics", figures());
  await insert("traffic_1h", traffic());
  await insert("price_book", prices());
}
