/** Recorded calls asked again of a model server, on the real engine; what goes to the collector is read by its own encoder. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { loadPriceBook } from "@assay/instrumentation/pricing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createEncoder } from "../../collector/encode/encoder.ts";
import { readBlock, type Row } from "../../collector/encode/native-reading.ts";
import { transcodeTraces } from "../../collector/otlp/json.ts";
import { validateTraces } from "../../collector/otlp/validate.ts";
import { chat, insertSpans } from "../test-spans.ts";
import { runReplayCommand } from "./command.ts";

const DAY = 86_400_000;
const TODAY = Math.floor(Date.now() / DAY) * DAY;
const day = (ago: number): string => new Date(TODAY - ago * DAY).toISOString().slice(0, 10);
const json = JSON.stringify;
const said = (role: string, content: string) => ({ role, parts: [{ type: "text", content }] });

let engine: TestEngine;
let writer: ClickHouseClient;
let model: Server;
let sink: Server;
let asked: { headers: IncomingMessage["headers"]; body: Record<string, unknown> }[] = [];
let sent: Buffer[] = [];

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function listening(server: Server): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
}

const urlOf = (server: Server): string =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

beforeAll(async () => {
  engine = await withEngine();
  writer = createClickHouse(engine.target);
  await migrate(writer, { log: () => {} });
  const call = (i: number, content: Record<string, unknown>) => ({
    trace: `t${i}`,
    span: "chat",
    startMs: TODAY - DAY + i * 1000,
    durationMs: 900,
    columns: chat("gpt-4o", "0.000450000000", { has_content: true, temperature: 0.2, ...content }),
  });
  await insertSpans(writer, [
    ...Array.from({ length: 12 }, (_, i) =>
      call(i, {
        content_system: json([{ type: "text", content: "Be brief." }]),
        content_input: json([said("user", `Question ${i}?`)]),
      }),
    ),
    call(20, { content_input: json([said("user", "With tools")]), content_tools: "[{}]" }),
    call(21, {
      content_input: json([{ role: "tool", parts: [{ type: "tool_call_response", id: "1" }] }]),
    }),
    {
      trace: "t3",
      span: "retrieval",
      startMs: TODAY - DAY + 3000,
      columns: {
        operation: "retrieval",
        has_content: true,
        content_query: "Question 3?",
        content_documents: json([{ id: "d1", content: "Three." }]),
      },
    },
  ]);
  model = createServer(async (request, response) => {
    const body = JSON.parse((await bodyOf(request)).toString()) as Record<string, unknown>;
    asked.push({ headers: request.headers, body });
    const question = json(body["messages"]);
    if (question.includes("Question 5?")) return void response.writeHead(400).end("{}");
    response.setHeader("content-type", "application/json");
    response.end(
      json({
        id: "c1",
        model: "gpt-4o-mini-2024-07-18",
        choices: [{ message: { content: "An answer." }, finish_reason: "stop" }],
        usage: { prompt_tokens: 110, completion_tokens: 10 },
      }),
    );
  });
  sink = createServer(async (request, response) => {
    sent.push(await bodyOf(request));
    response.end("{}");
  });
  await Promise.all([listening(model), listening(sink)]);
});

afterAll(async () => {
  model.close();
  sink.close();
  await writer.close();
  await engine.stop();
});

beforeEach(() => {
  asked = [];
  sent = [];
});

async function run(...args: string[]): Promise<string[]> {
  const printed: string[] = [];
  await runReplayCommand(
    [
      "replay",
      "--candidate",
      "openai/gpt-4o-mini",
      "--url",
      `${urlOf(model)}/v1`,
      "--from",
      day(1),
      "--to",
      day(0),
      ...args,
    ],
    {
      book: loadPriceBook(),
      connect: async () => createClickHouse(engine.readerTarget),
      otlpUrl: `${urlOf(sink)}/v1/traces`,
      print: (line) => void printed.push(line),
      env: { MY_KEY: "sk-secret" },
    },
  );
  return printed;
}

function stored(): Row[] {
  return sent.flatMap((text, seq) => {
    const { body } = transcodeTraces(text);
    const { spanCount, rejected } = validateTraces(body);
    const encoder = createEncoder({
      priceBook: loadPriceBook(),
      collectorId: "t",
      maxSpanAgeMs: 7 * DAY,
    });
    encoder.append({
      seq: seq + 1,
      body,
      spanCount,
      rejected,
      receivedAtUnixMs: Date.now(),
      signal: "traces",
    });
    return readBlock(encoder.finish(1));
  });
}

test("without --yes it only says what it would cost", async () => {
  const printed = await run();
  expect(printed).toEqual([
    "12 recorded calls (1 others of the sample have tools, files or cut content), which cost 0.005400000000 USD",
    // 12 × (100 × 0.15 + 20 × 0.60) a million.
    "Asking the candidate costs about 0.000324000000 USD, if it makes as many tokens of them and answers at the same length.",
    "Nothing was asked. With --yes it is.",
  ]);
  expect(asked).toEqual([]);
});

test("asks, and sends what came to the collector as traces of their own", async () => {
  const printed = await run("--yes", "--key-env", "MY_KEY");
  expect(asked).toHaveLength(12);
  expect(asked[0]!.headers.authorization).toBe("Bearer sk-secret");
  expect(asked[0]!.body).toMatchObject({ model: "gpt-4o-mini", temperature: 0.2 });
  expect(asked[0]!.body["messages"]).toEqual([
    { role: "system", content: "Be brief." },
    { role: "user", content: expect.stringMatching(/^Question \d+\?$/) as unknown },
  ]);
  const text = printed.join("\n");
  expect(text).toContain("11 answered, 1 failed.");
  // 11 × 0.00045, and 11 × (110 × 0.15 + 10 × 0.60) a million.
  expect(text).toContain("Cost of the same calls: 0.004950000000 -> 0.000247500000 USD.");
  expect(text).toContain("Input tokens: 1.100 of one (95 %: 1.100 to 1.100).");
  expect(text).toContain("Output tokens: 0.500 of one");
  expect(text).not.toContain("sk-secret");
  const rows = stored();
  const calls = rows.filter((row) => row["is_model_call"]);
  expect(calls).toHaveLength(12);
  expect(calls.every((row) => row["environment"] === "what-if" && row["project"] === "shop")).toBe(
    true,
  );
  expect(calls.filter((row) => row["cost_status"] === "priced")).toHaveLength(11);
  expect(calls.find((row) => row["status"] === "error")).toMatchObject({
    error_type: "400",
    cost_status: "free",
  });
  expect(calls.find((row) => row["status"] === "ok")).toMatchObject({
    release: "what-if:openai/gpt-4o-mini",
    response_model: "gpt-4o-mini-2024-07-18",
    input_tokens: 110,
    content_output: json([
      {
        role: "assistant",
        parts: [{ type: "text", content: "An answer." }],
        finish_reason: "stop",
      },
    ]),
  });
  expect(rows.filter((row) => row["operation"] === "retrieval")).toMatchObject([
    { content_documents: json([{ id: "d1", content: "Three." }]) },
  ]);
});

test("stops when the money is spent", async () => {
  await run("--yes", "--max-usd", "0.00003");
  // Two calls cost more than that; those under way are finished.
  expect(asked.length).toBeLessThan(8);
});

test.each([
  [["--sample", "0"], "--sample: expected"],
  [["--key-env", "NO_KEY"], 'the variable "NO_KEY", which is not set'],
  [["--project", "nobody"], "found none"],
  [["--max-usd", "x"], "--max-usd: expected"],
])("%j is refused", async (args, message) => {
  await expect(run(...args)).rejects.toThrow(message);
});
