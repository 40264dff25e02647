/** The judge over the real engine, and a provider that does what the test says. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { parseJudgeConfig } from "./config.ts";
import { startLab, until, type Lab, type TestTrace } from "./testing/judge-lab.ts";
import type { JudgeReply } from "./testing/judge-server.ts";

let lab: Lab;
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab?.close());
beforeEach(() => lab.begin());
afterEach(() => lab.end());

test("a record is judged by each metric and weighed: 60, 20, 20", async () => {
  lab.reply = ({ metric }) => ({
    score: { answer_correctness: 4, faithfulness: 5, professionalism: 3 }[metric] ?? 1,
  });
  await lab.started();
  await lab.insertTraces([
    { answer: "Because.", reference: "It is so.", documents: ["It is so, because it is."] },
  ]);
  const rows = await until(lab.scores, (found) => found.length === 4);
  expect(rows.map(({ name, status, norm }) => [name, status, norm])).toEqual([
    ["answer_correctness", "ok", 0.75],
    ["composite", "ok", expect.closeTo(0.75, 12)],
    ["faithfulness", "ok", 1],
    ["professionalism", "ok", 0.5],
  ]);
  expect(rows[0]).toMatchObject({
    project: "p", source: "judge", role: "cheap", model: "gpt-4o", judge_model: "gpt-4o-mini-2026", judge_fingerprint: "fp_1",
    inclusion_probability: 1, stratum: "rest", reference: "span", explanation: "Because.", attempts: 1, input_tokens: 100,
    same_family: true, judge_hash: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
  }); // prettier-ignore
  // 100 and 50 tokens of gpt-4o-mini: 0.15 and 0.60 USD a million.
  expect(Number(rows[0]!["cost"])).toBeCloseTo(0.000045, 12);
  expect(lab.server.requests.find(({ metric }) => metric === "faithfulness")!.data).toEqual({
    answer: "Because.",
    context: ["It is so, because it is."],
  });
});

test("metrics that need no model, where what they need is there", async () => {
  const text = `
providers: { main: { base_url: "${lab.server.url}" } }
judges: [{ metric: professionalism, provider: main, model: gpt-4o-mini }]
profiles: [{ weights: { professionalism: 1 }, without_model: [exact_match, rouge_l, number_grounding], sampling: { rest: 1 } }]
settle_seconds: 60`;
  await lab.started(parseJudgeConfig(text, {}, "judge.yaml"));
  const documents = ["It takes 14 days."];
  await lab.insertTraces([{ answer: "14 days or 15.", reference: "14 days", documents }, {}]);
  const rows = await until(
    () => lab.scores("role = 'heuristic'"),
    (found) => found.length === 3,
  );
  expect(rows.map(({ name, norm }) => [name, norm])).toEqual([
    ["exact_match", 0],
    ["number_grounding", 0.5],
    ["rouge_l", expect.closeTo(2 / 3, 6)],
  ]);
  expect(rows[0]).toMatchObject({
    evaluator: "text",
    cost: null,
    attempts: 0,
    judge_requested_model: "",
  });
  await until(
    () => lab.scores("name = 'composite'"),
    (found) => found.length === 2,
  );
});

test("by embeddings: answer and reference as wholes, and sentence by sentence; one call, where both are there", async () => {
  const text = `
judges: [{ metric: professionalism, provider: main, model: gpt-4o-mini }]
profiles: [{ weights: { professionalism: 1 }, by_embeddings: [embedding_similarity, sentence_match], sampling: { rest: 1 } }]
embeddings: { provider: main, model: text-embedding-3-small }`;
  const worker = await lab.started(lab.parse(text));
  await lab.insertTraces([
    { answer: "Aab.", reference: "Ab." },
    { answer: "Cc. Dd.", reference: "Dd. Cc." },
    {},
  ]);
  await until(
    () => worker.stats().composites,
    (composites) => composites === 3,
  );
  const rows = await lab.scores("role = 'heuristic'");
  // (2, 1) and (1, 1): 3 / sqrt(5 * 2).
  const near = expect.closeTo(3 / Math.sqrt(10), 9) as number;
  expect(rows.map(({ name, norm }) => [name, norm])).toEqual([
    ["embedding_similarity", near],
    ["sentence_match", near],
    ["embedding_similarity", expect.closeTo(1, 9)],
    ["sentence_match", expect.closeTo(1, 9)],
  ]);
  expect(rows[0]).toMatchObject({
    evaluator: "text-embedding-3-small",
    judge_model: "text-embedding-3-small-1",
    input_tokens: 1_000,
    attempts: 1,
  });
  expect(Number(rows[0]!["cost"])).toBeGreaterThan(0);
  expect(rows[1]).toMatchObject({ attempts: 0, input_tokens: 0 });
});

test("without a reference another metric takes the place, and its name tells; without documents faithfulness does not apply", async () => {
  await lab.started();
  await lab.insertTraces([{}]);
  const rows = await until(lab.scores, (found) => found.length === 4);
  expect(rows.map(({ name, status, error_type }) => [name, status, error_type])).toEqual([
    ["answer_plausibility", "ok", ""],
    ["composite", "ok", ""],
    ["faithfulness", "not_applicable", "no_context"],
    ["professionalism", "ok", ""],
  ]);
  expect(rows[1]).toMatchObject({
    label: "answer_plausibility+professionalism",
    coverage: expect.closeTo(0.8, 5) as number,
  });
});

const FAILURES: [name: string, replies: JudgeReply[], expected: Record<string, unknown>][] = [
  ["a score at once", [{ score: 5 }], { status: "ok", norm: 1, attempts: 1, repaired: false }],
  ["503, then a score", [{ status: 503 }, { score: 2 }], { status: "ok", norm: 0.25, attempts: 2 }],
  ["429 with Retry-After, then a score", [{ status: 429, headers: { "retry-after": "0" } }, { score: 2 }], { status: "ok", attempts: 2 }],
  ["a broken connection, then a score", [{ hangUp: true }, { score: 2 }], { status: "ok", attempts: 2 }],
  ["no answer in time, then a score", [{ hang: true }, { score: 2 }], { status: "ok", attempts: 2 }],
  ["429 for ever", [{ status: 429, headers: { "retry-after": "0" } }], { status: "failed", error_type: "rate_limit", norm: null, attempts: 7 }],
  ["no JSON, then repaired", [{ text: "four" }, { score: 4 }], { status: "ok", repaired: true, attempts: 2 }],
  ["no JSON twice", [{ text: "four" }], { status: "failed", error_type: "parse", norm: null, repaired: true }],
  ["another task's id", [{ taskId: "zzz" }], { status: "failed", error_type: "contract" }],
  ["a score of 7", [{ score: 7 }], { status: "failed", error_type: "score" }],
  ["two scores", [{ text: '{"task_id":"TASK","score":1}{"task_id":"TASK","score":5}' }], { status: "failed", error_type: "parse" }],
  ["cut off, then longer", [{ text: '{"task', finish: "length" }, { score: 3 }], { status: "ok", norm: 0.5 }],
  ["cut off twice", [{ text: '{"task', finish: "length" }], { status: "failed", error_type: "truncated" }],
  ["filtered", [{ finish: "content_filter" }], { status: "failed", error_type: "content_filter", attempts: 1 }],
  ["refused for its contents", [{ status: 400, error: { code: "content_filter", message: "no" } }], { status: "failed", error_type: "content_filter" }],
  ["a bad request", [{ status: 400 }], { status: "failed", error_type: "refused", attempts: 1 }],
  ["cannot judge", [{ cannotJudge: true }], { status: "abstain", norm: null }],
]; // prettier-ignore

test("each kind of failure: scored, or failed for its reason, and never a score that was not given", async () => {
  const byAnswer = new Map(FAILURES.map(([name, replies]) => [name, replies]));
  lab.reply = ({ metric, data, attempt, taskId }) => {
    const replies = metric === "professionalism" ? byAnswer.get(data.answer!) : undefined;
    const given = replies?.[Math.min(attempt, replies.length) - 1] ?? { score: 4 };
    return given.text ? { ...given, text: given.text.replaceAll("TASK", taskId) } : given;
  };
  const worker = await lab.started();
  await lab.insertTraces(FAILURES.map(([name]) => ({ answer: name })));
  const rows = await until(
    () => lab.scores("name = 'professionalism'"),
    (found) => found.length === FAILURES.length,
  );
  FAILURES.forEach(([name, , expected], at) => {
    expect({ name, ...rows[at] }).toMatchObject({ ...expected, name: "professionalism" });
  });
  const scored = rows.filter(({ status }) => status === "ok").length;
  await until(
    () => lab.scores("name = 'composite'"),
    (found) => found.length === scored,
  );
  expect(worker.stats().failures.get("parse")).toBe(2);
  expect(worker.stats().judgements.get("abstain")).toBe(1);
  // Twice the tokens where it was cut off.
  expect(lab.server.requests.map(({ maxTokens }) => maxTokens)).toContain(1_400);
});

test("the provider is away, or the key is wrong: nothing is lost, all is judged when it is back", async () => {
  let away: JudgeReply | undefined = { status: 503 };
  lab.reply = () => away ?? { score: 4 };
  const worker = await lab.started();
  await lab.insertTraces(Array.from({ length: 20 }, () => ({})));
  await until(
    () => Promise.resolve(worker.stats().providers[0]!.gate.closed),
    (closed) => closed !== undefined,
  );
  expect(await lab.scores("status = 'failed'")).toEqual([]);
  away = { status: 401, error: { code: "invalid_api_key", message: "who are you?" } };
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(worker.stats().providers[0]!.gate.closed).toBeDefined();
  const before = lab.server.requests.length;
  await new Promise((resolve) => setTimeout(resolve, 300));
  // It is asked now and then, by one.
  expect(lab.server.requests.length - before).toBeLessThanOrEqual(4);
  away = undefined;
  const rows = await until(
    () => lab.scores("status = 'ok' AND name = 'composite'"),
    (found) => found.length === 20,
  );
  expect(new Set(rows.map(({ trace_id }) => trace_id)).size).toBe(20);
  expect(worker.stats().failures.size).toBe(0);
});

test("stopped in the middle and started again: every record once, and nothing paid for twice that was stored", async () => {
  let answered = 0;
  lab.reply = async () => {
    if (++answered > 30) await new Promise((resolve) => setTimeout(resolve, 60_000).unref());
    return { score: 4 };
  };
  const first = await lab.started();
  await lab.insertTraces(Array.from({ length: 20 }, () => ({})));
  await until(
    () => Promise.resolve(answered),
    (count) => count > 30,
  );
  const stored = (await lab.scores("name = 'composite'")).length;
  await first.stop();
  const traffic = async () =>
    (await (await lab.client.query({ query: "SELECT toInt32(sum(records)) AS n FROM assay.traffic_1h", format: "JSONEachRow" })).json<{ n: number }>())[0]!.n; // prettier-ignore
  expect(await traffic()).toBe(20);
  answered = -1_000;
  const before = lab.server.requests.length;
  lab.judge();
  const rows = await until(
    () => lab.scores("name = 'composite'"),
    (found) => found.length === 20,
  );
  expect(new Set(rows.map(({ trace_id }) => trace_id)).size).toBe(20);
  expect(await lab.scores()).toHaveLength(80);
  const rowsOfAll = await lab.client.query({ query: "SELECT toInt32(count()) AS n FROM assay.evaluations", format: "JSONEachRow" }); // prettier-ignore
  expect(await rowsOfAll.json()).toEqual([{ n: 80 }]);
  expect(await traffic()).toBe(20);
  expect(lab.server.requests.length - before).toBeLessThanOrEqual((20 - stored) * 2);
});

test("a strong judge sees a known part of what the cheap one saw, and weighs nothing", async () => {
  lab.reply = ({ system }) => ({ score: system === "" ? 1 : 4 });
  const text = `
providers: { main: { base_url: "${lab.server.url}", max_in_flight: 64 } }
judges:
  - { metric: professionalism, provider: main, model: gpt-4o-mini }
  - { metric: professionalism, provider: main, model: gpt-4o, role: strong }
profiles: [{ weights: { professionalism: 1 }, sampling: { rest: 0.5, audit: 0.4 } }]
settle_seconds: 60`;
  await lab.started(parseJudgeConfig(text, {}, "judge.yaml"));
  await lab.insertTraces(Array.from({ length: 200 }, () => ({})));
  const cheap = await until(
    () => lab.scores("role = 'cheap'"),
    (found) => found.length > 60,
  );
  await until(
    () => lab.scores("name = 'composite'"),
    (found) => found.length === cheap.length || found.length > 80,
  );
  const all = await lab.scores("role IN ('cheap', 'strong')");
  const strong = all.filter((row) => row["role"] === "strong");
  const judged = new Set(
    all.filter((row) => row["role"] === "cheap").map(({ trace_id }) => trace_id),
  );
  expect(strong.length).toBeGreaterThan(15);
  expect(strong.length).toBeLessThan(judged.size * 0.65);
  expect(strong.every(({ trace_id }) => judged.has(trace_id))).toBe(true);
  expect(strong[0]).toMatchObject({
    purpose: "audit",
    evaluator: "gpt-4o",
    inclusion_probability: 0.2,
  });
  expect(new Set(all.map((row) => row["judge_hash"])).size).toBe(2);
});

test("what is not chosen is counted, with what each score stands for; nothing judged without content", async () => {
  const sampling =
    "{ rest: 0.25, strata: [{ name: failed, when: { status: error }, probability: 1 }] }";
  const worker = await lab.started(lab.config({ sampling }));
  await lab.insertTraces([
    ...Array.from({ length: 200 }, () => ({})),
    ...Array.from({ length: 5 }, () => ({ columns: { status: "error" } })),
    { columns: { has_content: false } },
  ]);
  await until(
    () => Promise.resolve(worker.stats()),
    ({ records }) => [...records.values()].reduce((sum, n) => sum + n, 0) === 206,
  );
  const rows = await until(
    () => lab.scores("name = 'professionalism'"),
    (found) => found.length > 5 && found.length === worker.stats().records.get("chosen"),
  );
  const failed = rows.filter((row) => row["stratum"] === "failed");
  expect(failed).toHaveLength(5);
  expect(failed[0]!["inclusion_probability"]).toBe(1);
  const rest = rows.filter((row) => row["stratum"] === "rest");
  expect(rest.length).toBeGreaterThan(25);
  expect(rest.length).toBeLessThan(80);
  expect(rest[0]!["inclusion_probability"]).toBe(0.25);
  expect(Object.fromEntries(worker.stats().records)).toEqual({
    chosen: rest.length + 5,
    not_chosen: 200 - rest.length,
    no_content: 1,
  });
  expect(lab.server.requests.length).toBe(rows.length * 2);
});

test("money: at most a call more than the limit; what was chosen and not paid for fails as such", async () => {
  // A call costs 0.000045 USD.
  const worker = await lab.started(lab.config({ more: "usd_per_day: 0.001" }));
  await lab.insertTraces(Array.from({ length: 40 }, () => ({})));
  await until(
    () => lab.scores("name = 'professionalism'"),
    (found) => found.length === worker.stats().records.get("chosen") && found.length > 0,
  );
  const { spentUsd } = worker.stats().budget;
  // One call a judge, of the two that are asked.
  expect(spentUsd).toBeLessThanOrEqual(0.001 + 0.000045 * 2);
  expect(spentUsd).toBeGreaterThanOrEqual(0.001);
  expect(worker.stats().failures.get("budget")).toBeGreaterThan(0);
  expect(await lab.scores("error_type = 'budget' AND norm IS NOT NULL")).toEqual([]);
});

test("probabilities of tokens make an expected score; 64 calls at once", async () => {
  lab.reply = async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return { score: 5, logprobs: { 5: 0.6, 4: 0.3, 3: 0.08, 2: 0.015, Good: 0.005 } };
  };
  await lab.started(lab.config({ judge: ", logprobs: true" }));
  await lab.insertTraces(Array.from({ length: 100 }, () => ({})));
  const rows = await until(
    () => lab.scores("name = 'professionalism'"),
    (found) => found.length === 100,
  );
  expect(rows[0]!["score_expected"]).toBeCloseTo(4.492462, 5);
  expect(rows[0]!.norm).toBeCloseTo((4.492462 - 1) / 4, 5);
  expect(lab.server.mostAtOnce()).toBe(64);
});

test("each record falls under the first rule of its project's profile that holds", async () => {
  const text = `
judges: [{ metric: professionalism, provider: main, model: gpt-4o-mini }]
profiles:
  - projects: [q]
    weights: { professionalism: 1 }
    sampling: { rest: 0.3 }
  - weights: { professionalism: 1 }
    sampling:
      strata:
        - { name: failed, when: { status: error }, probability: 1 }
        - { name: long, when: { min_input_tokens: 4000, models: [a, b] }, probability: 0.2 }
        - { name: slow, when: { min_duration_ms: 1500.5 }, probability: 0.4 }
        - { name: found, when: { has_documents: true, environments: [live] }, probability: 0.6 }
        - { name: new, when: { releases: ["2"], has_documents: false }, probability: 0.7 }
      rest: 0.05`;
  const tokens = { input_tokens: 4_000 };
  const records: [rule: string, configured: number, trace: TestTrace][] = [
    ["rest", 0.05, {}],
    ["rest", 0.3, { columns: { project: "q", status: "error" } }],
    ["failed", 1, { columns: { status: "error", ...tokens, response_model: "a" } }],
    ["long", 0.2, { columns: { ...tokens, response_model: "b" } }],
    ["long", 0.2, { columns: { ...tokens, response_model: "", request_model: "a" } }],
    ["rest", 0.05, { columns: { ...tokens, response_model: "c" } }],
    ["rest", 0.05, { columns: { input_tokens: 3_999, response_model: "a" } }],
    ["slow", 0.4, { columns: { duration_ns: 1_501_000_000 } }],
    ["found", 0.6, { documents: ["Found."], columns: { environment: "live" } }],
    ["rest", 0.05, { documents: ["Found."] }],
    ["new", 0.7, { columns: { release: "2" } }],
    ["rest", 0.05, { documents: ["Found."], columns: { release: "2" } }],
  ];
  const worker = await lab.started(lab.parse(text));
  await lab.insertTraces(records.map(([, , trace]) => trace));
  await until(
    () => [...worker.stats().records.values()].reduce((sum, n) => sum + n, 0),
    (decided) => decided === records.length,
  );
  expect(
    await lab.rows("SELECT rule, configured FROM assay.judge_decisions ORDER BY trace_id"),
  ).toEqual(records.map(([rule, configured]) => ({ rule, configured })));
});

test("a judge on trial sees a known part, twice where the first does, and weighs nothing", async () => {
  const text = `
judges:
  - { metric: professionalism, provider: main, model: gpt-4o-mini }
  - { metric: professionalism, provider: main, model: gpt-4o, role: shadow }
profiles: [{ weights: { professionalism: 1 }, sampling: { rest: 1, shadow: 0.5, retest: 0.5 } }]`;
  const worker = await lab.started(lab.parse(text));
  lab.reply = ({ model }) => ({ score: model === "gpt-4o" ? 1 : 5 });
  await lab.insertTraces(Array.from({ length: 60 }, () => ({})));
  await until(
    () => worker.stats().composites,
    (composites) => composites === 60,
  );
  const onTrial = await lab.scores("role = 'shadow'");
  const of = (purpose: string) => onTrial.filter((row) => row["purpose"] === purpose);
  expect(of("shadow").length).toBeGreaterThan(15);
  expect(of("shadow").length).toBeLessThan(45);
  expect(of("shadow")[0]).toMatchObject({ norm: 0, inclusion_probability: 0.5 });
  expect(of("retest").length).toBeGreaterThan(4);
  expect(of("retest")[0]).toMatchObject({ inclusion_probability: 0.25 });
  const composites = await lab.scores("name = 'composite'");
  expect(composites.every(({ norm }) => norm === 1)).toBe(true);
});
