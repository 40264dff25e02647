/**
 * An experiment from command to API: items answered by a model behind HTTP, judged, stored; runs compared; a run that was
 * cut short goes on. The real engine; the model and the judge do as they are told.
 */
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { runExperimentCommand, runJudgeCommand } from "@assay/collector";
import { runExperimentsCommand, startQueryApi, type QueryApi } from "@assay/query-api";
import { createApiClient } from "@assay/query-api/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startJudgeServer, type JudgeServer } from "../../collector/judge/testing/judge-server.ts";

const ITEMS = 40;
let engine: TestEngine;
let api: QueryApi;
let judge: JudgeServer;
let model: Server;
let dir: string;
/** What the model was asked: `model`, and the messages' texts. */
const asked: { model: string; text: string; system: string | undefined }[] = [];
let failing = (_text: string): boolean => false;

/** `good` answers as the reference has it; `poor` in three of four. */
function answerOf(body: { model: string }, text: string): string {
  const n = Number(/\d+/.exec(text)![0]);
  return body.model === "good" || n % 4 !== 0 ? `right ${n}` : `wrong ${n}`;
}

async function startModel(): Promise<Server> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as {
        model: string;
        messages: { role: string; content: string }[];
      };
      const text = body.messages.at(-1)!.content;
      const system = body.messages.find(({ role }) => role === "system")?.content;
      asked.push({ model: body.model, text, system });
      const fails = failing(text);
      response.writeHead(fails ? 400 : 200, { "content-type": "application/json" });
      response.end(
        JSON.stringify(
          fails
            ? { error: { message: "no such thing", code: "none" } }
            : {
                id: "1", object: "chat.completion", created: 1, model: body.model, usage: { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 },
                choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: answerOf(body, text) } }],
              }, // prettier-ignore
        ),
      );
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "assay-experiment-"));
  engine = await withEngine();
  const client = createClickHouse(engine.target);
  await migrate(client, { log: () => {} });
  await client.close();
  model = await startModel();
  judge = await startJudgeServer(({ metric, data }) =>
    metric === "professionalism"
      ? { score: 4 }
      : { score: data.answer!.startsWith("right") ? 5 : 1 },
  );
  const modelUrl = `http://127.0.0.1:${(model.address() as AddressInfo).port}/v1`;
  await writeFile(
    join(dir, "judge.yaml"),
    `providers: { judges: { base_url: "${judge.url}" }, app: { base_url: "${modelUrl}" } }
judges:
  - { metric: answer_correctness, provider: judges, model: gpt-4o-mini }
  - { metric: professionalism, provider: judges, model: gpt-4o-mini }
profiles: [{ weights: { answer_correctness: 0.75, professionalism: 0.25 }, without_model: [exact_match] }]
`,
  );
  await writeFile(join(dir, "prompt.txt"), "Answer with {{context}}: {{question}}");
  await writeFile(join(dir, "system.txt"), "You answer.");
  await writeFile(
    join(dir, "items.jsonl"),
    Array.from({ length: ITEMS }, (_, n) =>
      JSON.stringify({ id: `q${n}`, question: `question ${n}?`, context: ["papers"], reference: `right ${n}` }),
    ).join("\n"), // prettier-ignore
  );
  api = await startQueryApi({
    checkAnswers: true, target: engine.readerTarget, address: { host: "127.0.0.1", port: 0 }, log: () => {} }); // prettier-ignore
});
afterAll(async () => {
  await api?.stop();
  await judge?.close();
  model?.close();
  await engine?.stop();
  await rm(dir, { recursive: true });
});

async function run(...args: string[]): Promise<string> {
  const printed: string[] = [];
  await runExperimentCommand(args, {
    configFile: join(dir, "judge.yaml"),
    env: {},
    connect: async () => createClickHouse(engine.target),
    print: (...words) => void printed.push(words.join(" ")),
    pauseMs: () => 1,
  });
  return printed.join("\n");
}

async function read(...args: string[]): Promise<string[]> {
  const printed: string[] = [];
  await runExperimentsCommand(args, {
    connect: async () => createClickHouse(engine.readerTarget),
    print: (...words) => void printed.push(words.join(" ")),
  });
  return printed;
}

const withModel = (name: string): string[] => [
  "--dataset", join(dir, "items.jsonl"), "--provider", "app", "--model", name, "--prompt", join(dir, "prompt.txt"), "--system", join(dir, "system.txt"),
]; // prettier-ignore

test("two models over one dataset, judged and compared item by item", async () => {
  const said = await run("models", "--run", "good", ...withModel("good"));
  expect(said).toBe("models, good: 40 items, 0 without an answer; 80 judgements, 0 failed.");
  expect(asked[0]).toMatchObject({ model: "good", system: "You answer." });
  expect(asked[0]!.text).toMatch(/^Answer with papers: question \d+\?$/);
  await run("models", "--run", "poor", ...withModel("poor"));
  const client = createApiClient(`http://127.0.0.1:${api.address.port}`);
  const { runs, comparison } = await client.experiments({
    from: "now-1h",
    to: "now",
    experiment: "models",
    compare: "good,poor",
  });
  expect(runs.map((one) => [one.run, one.model, one.items, one["failed"]])).toEqual([
    ["good", "good", 40, 0],
    ["poor", "poor", 40, 0],
  ]);
  expect(runs[0]!.dataset_hash).toBe(runs[1]!.dataset_hash);
  const means = Object.fromEntries(runs[1]!.metrics.map(({ metric, mean }) => [metric, mean]));
  expect(means).toMatchObject({ answer_correctness: 0.75, professionalism: 0.75, exact_match: 0.75, composite: 0.75 }); // prettier-ignore
  expect(comparison).toMatchObject({ first: "good", second: "poor", same_dataset: true });
  const byMetric = new Map(comparison!.metrics.map((one) => [one.metric, one]));
  // 10 of 40 differ by 1: mean 0.25, deviation sqrt(0.25 * 0.75 * 40 / 39), t of 39 degrees 2.0227.
  const half = (2.0227 * Math.sqrt((0.25 * 0.75 * 40) / 39)) / Math.sqrt(40);
  expect(byMetric.get("answer_correctness")).toMatchObject({ n: 40, stands: true, better: 10, worse: 0, equal: 30 }); // prettier-ignore
  expect(byMetric.get("answer_correctness")!.difference).toBeCloseTo(0.25, 12);
  expect(byMetric.get("answer_correctness")!.low).toBeCloseTo(0.25 - half, 4);
  expect(byMetric.get("composite")!.difference).toBeCloseTo(0.1875, 12);
  expect(byMetric.get("professionalism")).toMatchObject({ difference: 0, stands: false });
  expect(comparison!.items).toHaveLength(10);
  expect(comparison!.items[0]!["second_answer"]).toMatch(/^wrong/);
  // Experiments are no traffic.
  const quality = await client.quality({ from: "now-1h", to: "now" });
  expect(quality.rows).toEqual([]);
});

test("on a terminal: the list, and two runs", async () => {
  const list = await read("list", "models");
  expect(list[0]).toMatch(/^models {2}good {2}\S+Z {2}good, prompt [0-9a-f]{12} {2}40 items/);
  expect(list.find((line) => line.includes("answer_correctness"))).toMatch(/1\.000 \(1\.000 to 1\.000\), 40 scored/); // prettier-ignore
  const compared = await read(
    "compare",
    "models",
    "poor",
    "good",
    "--metric",
    "answer_correctness",
  );
  expect(compared[0]).toBe("poor less good, by the items that both scored:");
  expect(compared.find((line) => line.includes("answer_correctness"))).toMatch(/-0\.250 \(-0\.\d+ to -0\.\d+\), 40 items$/); // prettier-ignore
  expect(compared.find((line) => line.includes("professionalism"))).toContain("may be chance");
  await expect(read("compare", "models", "poor", "none")).rejects.toThrow(/got "none"/);
});

test("a finished run stays as it is; an item without an answer is one, and no score", async () => {
  await expect(run("models", "--run", "good", ...withModel("good"))).rejects.toThrow("is finished");
  failing = (text) => text.includes("question 7?");
  const said = await run("models", "--run", "one fails", ...withModel("good"));
  failing = () => false;
  expect(said).toContain("40 items, 1 without an answer; 78 judgements");
  const client = createApiClient(`http://127.0.0.1:${api.address.port}`);
  const { runs } = await client.experiments({ from: "now-1h", to: "now", experiment: "models" });
  const mine = runs.find((one) => one.run === "one fails")!;
  expect(mine).toMatchObject({ failed: 1 });
  expect(mine.metrics.find(({ metric }) => metric === "composite")!.n).toBe(39);
});

test("cut short, a run goes on with what is left, and only with the same settings", async () => {
  const writer = createClickHouse(engine.target);
  await run("cut", "--run", "r", ...withModel("good"));
  // As if it had died with eight items done.
  await writer.command({ query: "ALTER TABLE assay.experiment_runs DELETE WHERE experiment = 'cut' AND finished_at IS NOT NULL SETTINGS mutations_sync = 1" }); // prettier-ignore
  await writer.command({ query: "ALTER TABLE assay.experiment_outputs DELETE WHERE experiment = 'cut' AND item NOT IN ('q1','q2','q3','q4','q5','q6','q7','q8') SETTINGS mutations_sync = 1" }); // prettier-ignore
  await writer.close();
  await expect(run("cut", "--run", "r", ...withModel("poor"))).rejects.toThrow("another dataset, model"); // prettier-ignore
  const before = asked.length;
  expect(await run("cut", "--run", "r", ...withModel("good"))).toContain("40 items, 0 without");
  expect(asked.length - before).toBe(32);
  const client = createApiClient(`http://127.0.0.1:${api.address.port}`);
  const { runs } = await client.experiments({ from: "now-1h", to: "now", experiment: "cut" });
  expect(runs[0]!.metrics.find(({ metric }) => metric === "composite")!.n).toBe(40);
});

test("answers that the file brings are judged as they are", async () => {
  await writeFile(
    join(dir, "given.jsonl"),
    '{"id":"a","question":"q1","answer":"right","reference":"right"}\n{"id":"b","question":"q2"}',
  );
  const before = asked.length;
  const said = await run("given", "--run", "1", "--dataset", join(dir, "given.jsonl"));
  expect(said).toContain("2 items, 1 without an answer");
  expect(asked.length).toBe(before);
});

/** Twenty calls as a service sends them; people labelled those whose number is even. */
async function insertTraffic(): Promise<void> {
  const client = createClickHouse(engine.target);
  const at = Date.now() - 600_000;
  const message = (role: string, content: string): string =>
    JSON.stringify([{ role, parts: [{ type: "text", content }] }]);
  const ids = (n: number) => ({ trace_id: String(n).padStart(16, "0"), span_id: "12345678" });
  const all = Array.from({ length: 20 }, (_, n) => n);
  await client.insert({
    table: "assay.ingest",
    values: all.map((n) => ({
      ...ids(n), project: "shop", event_time: (at / 1_000).toFixed(9), received_at: (at / 1_000).toFixed(3), start_unix_nano: `${at}000000`, end_unix_nano: `${at + 5}000000`,
      operation: "chat", is_model_call: true, response_model: "gpt-4o", has_content: true, content_input: message("user", `question ${n}?`),
      content_output: message("assistant", n < 5 ? `wrong ${n}` : `right ${n}`), attrs_string: { "assay.reference": `right ${n}` },
    })),
    format: "JSONEachRow",
  }); // prettier-ignore
  await client.insert({
    table: "assay.evaluations",
    values: all.filter((n) => n % 2 === 0).map((n) => ({
      ...ids(n), project: "shop", name: "answer_correctness", event_time: (at / 1_000).toFixed(3), evaluated_at: (at / 1_000).toFixed(3), evaluation_id: String(n).padStart(16, "l"),
      role: "human", purpose: "label", evaluator: "ann", status: "ok", score: n < 5 ? 1 : 5, norm: n < 5 ? 0 : 1,
    })),
    format: "JSONEachRow",
  }); // prettier-ignore
  await client.close();
}

interface Report {
  records: number;
  labelled: number;
  judges: { people: { comparison: { exact: { value: number } } } }[];
}

async function compared(...args: string[]): Promise<Report> {
  const printed: string[] = [];
  await runJudgeCommand(["compare", ...args, "--metric", "answer_correctness", "--json"], {
    configFile: join(dir, "judge.yaml"),
    env: {},
    connect: async () => createClickHouse(engine.readerTarget),
    print: (...words) => void printed.push(words.join(" ")),
  });
  return JSON.parse(printed.join("\n")) as Report;
}

test("from traffic: a dataset of it, as it was answered; and judges compared on it, with people's labels", async () => {
  await insertTraffic();
  const from = ["--from", "now-1h", "--project", "shop"];
  expect(await run("live", "--run", "as it was", ...from, "--limit", "15")).toContain("15 items, 0 without"); // prettier-ignore
  await run(
    "live",
    "--run",
    "good instead",
    ...from,
    "--limit",
    "15",
    ...withModel("good").slice(2),
  );
  const client = createApiClient(`http://127.0.0.1:${api.address.port}`);
  const { runs, comparison } = await client.experiments({
    from: "now-1h",
    to: "now",
    experiment: "live",
    compare: "good instead,as it was",
  });
  // The same fifteen of twenty each time.
  expect(runs[0]!.dataset_hash).toBe(runs[1]!.dataset_hash);
  const correctness = comparison!.metrics.find(({ metric }) => metric === "answer_correctness")!;
  expect(correctness["worse"]).toBe(0);
  expect(correctness["better"]).toBe(comparison!.items.length);
  const report = await compared(...from);
  expect(report).toMatchObject({ records: 20, labelled: 10 });
  expect(report.judges[0]!.people.comparison.exact.value).toBe(1);
  expect(await compared(...from, "--labelled")).toMatchObject({ records: 10, labelled: 10 });
});

test.each([
  [["x"], "expected:"],
  [["x", "--run", "r"], "either --dataset or --from"],
  [["x", "--run", "r", "--model", "m", "--dataset", "f"], "--provider, --model and --prompt together"],
  [["x", "--run", "r;", "--dataset", "f"], 'got "r;"'],
  [["x", "--run", "r", "--from", "now-1d", "--below", "faithfulness"], "faithfulness=0.5"],
  [["x", "--run", "r", "--from", "now-1d", "--project", "nobody"], "nothing that was asked for has any"],
])("%j is refused with what was expected", async (args, message) => {
  await expect(run(...args)).rejects.toThrow(message);
}); // prettier-ignore
