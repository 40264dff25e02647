/** The review queue and labels over HTTP, on the real engine. */
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type QueryApi, startQueryApi } from "../main.ts";
import { runLabelsCommand } from "./command.ts";
import { chat, insertSpans, testSpanId, testTraceId } from "../test-spans.ts";

const NOW = Date.now() - 3_600_000;
const HOSTILE = "<script>alert(1)</script>";
let engine: TestEngine;
let writer: ClickHouseClient;
let api: QueryApi;
const name = (n: number): string => `trace ${n}`;

/** As collector/judge/sampling.ts has it. */
function position(traceId: string, purpose: string): number {
  const digest = createHash("sha256").update(`${purpose}:v1\0${traceId}`).digest();
  return Number(digest.readBigUInt64BE(0) >> 11n) / 2 ** 53;
}

/** Each third is judged badly; one in four of all was judged. */
function judged(n: number, columns: object = {}) {
  const norm = n % 3 === 0 ? 0 : 0.75;
  return {
    project: "shop", name: "faithfulness", event_time: ((NOW + n * 1_000) / 1_000).toFixed(3), evaluated_at: (NOW / 1_000).toFixed(3),
    evaluation_id: String(n).padStart(16, "0"), trace_id: Buffer.from(testTraceId(name(n)), "hex").toString(), span_id: Buffer.from(testSpanId(name(n), "answer"), "hex").toString(),
    source: "judge", role: "cheap", status: "ok", norm, score: 1 + 4 * norm, judge_probability: 0.25, judge_hash: "h1", model: "gpt-4o", explanation: "secret reasons", ...columns,
  }; // prettier-ignore
}

const MANY = 60;

beforeAll(async () => {
  engine = await withEngine();
  writer = createClickHouse(engine.target);
  await migrate(writer, { log: () => {} });
  await insertSpans(
    writer,
    Array.from({ length: MANY }, (_, n) => [
      {
        trace: name(n), span: "find", startMs: NOW + n * 1_000,
        columns: { operation: "retrieval", has_content: true, content_documents: JSON.stringify([{ id: "d", content: `document ${n}` }]) },
      },
      {
        trace: name(n), span: "answer", startMs: NOW + n * 1_000,
        columns: chat("gpt-4o", null, { user_id: "u1", has_content: true, content_input: JSON.stringify([{ role: "user", content: "Why?" }]),
          content_output: JSON.stringify([{ role: "assistant", content: HOSTILE }]), attrs_string: { "assay.reference": "So." } }),
      },
    ]).flat(),
  ); // prettier-ignore
  const insert = (table: string, values: object[]) =>
    writer.insert({ table: `assay.${table}`, values, format: "JSONEachRow" });
  await insert("evaluations", [
    ...Array.from({ length: MANY }, (_, n) => judged(n)),
    judged(1, { evaluation_id: "f".repeat(16), status: "failed", norm: null, score: null }),
  ]);
  await insert("judge_definitions", [
    {
      judge_hash: "h1", metric: "faithfulness", described_at: (NOW / 1_000).toFixed(3), version: 3, definition: "Does it follow?",
      scores: ["nothing", "little", "half", "nearly all", "all"], model: "m", role: "cheap", strategy: "s",
    }, // prettier-ignore
  ]);
});
beforeEach(async () => {
  await writer.command({ query: "TRUNCATE TABLE assay.label_leases" });
  await writer.command({ query: "ALTER TABLE assay.evaluations DELETE WHERE role = 'human' SETTINGS mutations_sync = 1" }); // prettier-ignore
  await start({ share: 1, twice: 0 });
});
afterAll(async () => {
  await api?.stop();
  await writer?.close();
  await engine?.stop();
});

async function start(labels: { share: number; twice: number }, readOnly = false): Promise<void> {
  await api?.stop();
  api = await startQueryApi({
    checkAnswers: true, target: engine.readerTarget, ...(readOnly ? {} : { writer: engine.target }), labels,
    address: { host: "127.0.0.1", port: 0 }, log: () => {},
  }); // prettier-ignore
}

interface Next {
  waiting: number;
  share: number;
  highest: number;
  rules: { definition: string; scores: string[] };
  task: {
    trace_id: string;
    span_id: string;
    judge: { score: number; explanation: string } | null;
    [part: string]: unknown;
  } | null;
}

const url = (path: string): string => `http://127.0.0.1:${api.address.port}/api/v1/${path}`;

async function next(reviewer: string, more = ""): Promise<Next> {
  const response = await fetch(url(`labels/next?metric=faithfulness&reviewer=${reviewer}${more}`));
  expect(response.status).toBe(200);
  return (await response.json()) as Next;
}

async function label(body: object): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url("labels"), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ metric: "faithfulness", ...body }),
  });
  return { status: response.status, body: await response.json() };
}

async function stored(): Promise<Record<string, unknown>[]> {
  const result = await writer.query({
    query: "SELECT *, lower(hex(trace_id)) AS trace FROM assay.evaluations WHERE role = 'human' ORDER BY evaluated_at",
    format: "JSONEachRow",
  }); // prettier-ignore
  return result.json();
}

test("a record with its rules, its texts as they came, and nothing of the judge's", async () => {
  const { task, rules, waiting, highest } = await next("ann");
  expect(rules).toMatchObject({
    definition: "Does it follow?",
    scores: expect.any(Array) as object,
  });
  expect({ waiting, highest }).toEqual({ waiting: MANY, highest: 5 });
  expect(task).toMatchObject({
    project: "shop",
    output: [{ role: "assistant", content: HOSTILE }],
    documents: [{ id: "d" }],
    reference: "So.",
    judge: null,
  });
  expect(JSON.stringify(task)).not.toContain("secret");
  const seen = await next("ann", "&blind=false");
  expect(seen.task!.trace_id).toBe(task!.trace_id);
  expect(seen.task!.judge!.explanation).toBe("secret reasons");
});

test("drawn by a hash: doubtful records four times as often, in the order of hash / probability, after any restart", async () => {
  await start({ share: 0.2, twice: 0 });
  const chosen = Array.from({ length: MANY }, (_, n) => {
    const probability = n % 3 === 0 ? 0.8 : 0.2;
    return { id: testTraceId(name(n)), ratio: position(testTraceId(name(n)), "human-sampling") / probability, probability };
  }).filter(({ ratio }) => ratio < 1); // prettier-ignore
  const order = chosen.toSorted((a, b) => a.ratio - b.ratio);
  const first = await next("ann");
  expect(first.waiting).toBe(order.length);
  for (const { id, probability } of order.slice(0, 3)) {
    const { task } = await next("ann");
    expect(task!.trace_id).toBe(id);
    expect((await label({ trace_id: id, span_id: task!.span_id, reviewer: "ann", score: 4 })).status).toBe(200); // prettier-ignore
    const row = (await stored()).at(-1)!;
    expect(row["stratum"]).toBe(probability === 0.8 ? "doubtful" : "plain");
    // One in four was judged, and then drawn for people.
    expect(row["judge_probability"]).toBeCloseTo(0.25 * probability, 12);
    await start({ share: 0.2, twice: 0 });
  }
});

test("two reviewers at once never get the same record; what one holds is free when the lease is over", async () => {
  const given = await Promise.all(["ann", "bob", "cyd", "dan"].map((one) => next(one)));
  expect(new Set(given.map(({ task }) => task!.trace_id)).size).toBe(4);
  await start({ share: 1, twice: 0 });
  expect((await next("ann")).task!.trace_id).toBe(given[0]!.task!.trace_id);
  await writer.command({ query: "TRUNCATE TABLE assay.label_leases" });
  await writer.insert({
    table: "assay.label_leases",
    values: [{ metric: "faithfulness", trace_id: Buffer.from(given[0]!.task!.trace_id, "hex").toString(), span_id: "12345678", reviewer: "ann", leased_at: "2020-01-01 00:00:00", until: "2020-01-01 00:10:00" }],
    format: "JSONEachRow",
  }); // prettier-ignore
  expect((await next("eve")).task!.trace_id).toBe(given[0]!.task!.trace_id);
});

test("where two are wanted a second reviewer sees what the first one labelled, and no third", async () => {
  await start({ share: 1, twice: 1 });
  const { task } = await next("ann");
  const { trace_id, span_id } = task!;
  await label({ trace_id, span_id, reviewer: "ann", score: 2 });
  expect((await next("bob")).task!.trace_id).toBe(trace_id);
  await label({ trace_id, span_id, reviewer: "bob", score: 3 });
  expect((await next("cyd")).task!.trace_id).not.toBe(trace_id);
  expect((await next("ann")).task!.trace_id).not.toBe(trace_id);
});

test("a label has the record's facts; given again it takes the first one's place; skipped is no score", async () => {
  const { trace_id, span_id } = (await next("ann")).task!;
  await label({ trace_id, span_id, reviewer: "ann", score: 2, comment: "half" });
  await label({ trace_id, span_id, reviewer: "ann", score: 5 });
  const [row, again] = await stored();
  expect(row).toMatchObject({
    project: "shop", trace: trace_id, evaluator: "ann", role: "human", purpose: "label", status: "ok", score: 2, norm: 0.25,
    model: "gpt-4o", explanation: "half", metric_version: 3,
  }); // prettier-ignore
  expect(again!["evaluation_id"]).toBe(row!["evaluation_id"]);
  const other = (await next("ann")).task!;
  await label({ trace_id: other.trace_id, reviewer: "ann", skip: true });
  expect((await stored()).at(-1)).toMatchObject({ status: "abstain", score: null, norm: null });
  // What nobody was asked about has no probability, and so no stratum.
  await label({ trace_id: testTraceId(name(7)), reviewer: "zoe", score: 1 });
  expect((await stored()).at(-1)).toMatchObject({ evaluator: "zoe", stratum: "", user_id: "" });
});

test.each([
  [{ reviewer: "ann", score: 6, trace_id: testTraceId(name(1)) }, 400, "expected 1 to 5"],
  [{ reviewer: "ann", trace_id: testTraceId(name(1)) }, 400, "a score, or skip"],
  [{ reviewer: " ", score: 1, trace_id: testTraceId(name(1)) }, 400, "reviewer"],
  [{ reviewer: "ann", score: 1, trace_id: "f".repeat(32) }, 404, "trace_not_found"],
  [{ reviewer: "ann", score: 1, trace_id: "x" }, 400, "32 hex digits"],
  [{ reviewer: "ann", score: 1, trace_id: testTraceId(name(1)), metric: "composite" }, 400, "composites are computed"], // prettier-ignore
])("%j is refused", async (body, status, message) => {
  const answer = await label(body);
  expect(answer.status).toBe(status);
  expect(JSON.stringify(answer.body)).toContain(message);
});

test("a server that may only read says so", async () => {
  await start({ share: 1, twice: 0 }, true);
  const answer = await label({ trace_id: testTraceId(name(1)), reviewer: "ann", score: 1 });
  expect(answer).toMatchObject({ status: 403, body: { error: { code: "read_only" } } });
  expect((await fetch(url("labels/next?metric=faithfulness&reviewer=ann"))).status).toBe(403);
});

async function run(...args: string[]): Promise<string[]> {
  const printed: string[] = [];
  await runLabelsCommand(args, {
    connect: async (role) =>
      createClickHouse(role === "writer" ? engine.target : engine.readerTarget),
    share: 1,
    print: (line) => void printed.push(line),
  });
  return printed;
}

test("labels import and export: what went in comes out; a drawn one weighs, the others tell of agreement", async () => {
  const dir = await mkdtemp(join(tmpdir(), "assay-labels-"));
  const file = join(dir, "labels.jsonl");
  const line = (n: number, more: object) => ({
    metric: "faithfulness", trace_id: testTraceId(name(n)), reviewer: "ann", score: 4, ...more }); // prettier-ignore
  const write = (lines: object[]) =>
    writeFile(file, lines.map((one) => JSON.stringify(one)).join("\n"));
  try {
    await write([line(1, { probability: 0.5 }), line(2, { score: null, comment: "unclear" })]);
    expect(await run("import", file)).toEqual(["2 of 2 labels stored."]);
    const [drawn, other] = await stored();
    expect(drawn).toMatchObject({ stratum: "given", judge_probability: 0.125, norm: 0.75 });
    expect(other).toMatchObject({ stratum: "", status: "abstain", explanation: "unclear" });
    const exported = await run("export", "--metric", "faithfulness");
    expect(exported.map((text) => JSON.parse(text) as object)).toMatchObject([
      { trace_id: testTraceId(name(1)), span_id: testSpanId(name(1), "answer"), score: 4 },
      { score: null, comment: "unclear" },
    ]);
    // What was exported can be imported.
    await writeFile(file, exported.join("\n"));
    expect(await run("import", file)).toEqual(["2 of 2 labels stored."]);
    expect(await run("export", "--metric", "other")).toEqual([]);
    await write([line(3, {}), line(3, { trace_id: "f".repeat(32) }), line(4, { score: 9 })]);
    await expect(run("import", file)).rejects.toThrow("2 labels were not stored");
    await write([line(5, {}), { metric: "faithfulness" }, line(5, { colour: "red" })]);
    await expect(run("import", file)).rejects.toThrow(
      /nothing was stored[^]*line 2[^]*line 3: .*colour/,
    );
    await expect(run("import", "/nowhere")).rejects.toThrow('cannot read "/nowhere"');
    await expect(run("list")).rejects.toThrow("expected: labels import FILE");
  } finally {
    await rm(dir, { recursive: true });
  }
});
