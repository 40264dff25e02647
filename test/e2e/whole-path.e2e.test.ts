/**
 * The whole path with no part replaced but the model: two services with the one import, the real collector, the real
 * engine, the real API, each in a process of its own.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useOf } from "../bench/proc.ts";
import { hasBrowser, launchBrowser } from "../browser.ts";
import {
  assayEnv,
  freePort,
  removeData,
  startAssay,
  startProcess,
  until,
  type RunningAssay,
  type RunningProcess,
} from "../processes.ts";

interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  prompt_tokens_details?: { cached_tokens?: number };
  completion_tokens_details?: { reasoning_tokens?: number };
}

interface Answer {
  answer: string;
  sources: { id: string }[];
  usage: Usage;
  model: string;
  traceId: string;
}

interface Span {
  span_id: string;
  parent_span_id: string | null;
  name: string;
  kind: string;
  service: string;
  project: string;
  operation: string;
  is_model_call: boolean;
  provider: string;
  request_model: string;
  input_tokens: number;
  cache_read_tokens: number;
  output_tokens: number;
  reasoning_tokens: number;
  cost: string | null;
  reported_cost: string | null;
  cost_status: string;
  document_count: number;
  session_id: string;
  user_id: string;
  ttft_ms: number | null;
  has_content: boolean;
  content?: { documents?: unknown; input?: unknown; output?: unknown };
}

interface Trace {
  spans: Span[];
  roots: string[];
  totals: { spans: number; calls: number; cost: string | null };
}

/** US dollars per million tokens, from the provider's price list: an arithmetic of its own, apart from the price book. */
const PRICES: Record<string, { input: bigint; cached: bigint; output: bigint }> = {
  "gpt-4o-mini": { input: 150_000n, cached: 75_000n, output: 600_000n },
  "gpt-4o": { input: 2_500_000n, cached: 1_250_000n, output: 10_000_000n },
};

/** Picodollars per token are microdollars per million tokens. */
function expectedCost(model: string, usage: Usage): string {
  const price = PRICES[model]!;
  const cached = BigInt(usage.prompt_tokens_details?.cached_tokens ?? 0);
  const pico =
    (BigInt(usage.prompt_tokens) - cached) * price.input +
    cached * price.cached +
    BigInt(usage.completion_tokens) * price.output;
  return `${pico / 10n ** 12n}.${String(pico % 10n ** 12n).padStart(12, "0")}`;
}

let assay: RunningAssay;
let frontdeskUrl: string;
const services: RunningProcess[] = [];

async function startService(file: string, env: Record<string, string>): Promise<string> {
  const port = await freePort();
  const args = [`examples/rag/${file}`];
  services.push(
    await startProcess(
      args,
      { PORT: String(port), OTEL_EXPORTER_OTLP_ENDPOINT: assay.otlp, ...env },
      /listening on/,
    ),
  );
  return `http://127.0.0.1:${port}`;
}

async function ask(body: Record<string, unknown>): Promise<Response> {
  return await fetch(`${frontdeskUrl}/questions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function getTrace(id: string, spans: number): Promise<Trace> {
  const load = async (): Promise<Trace> =>
    (await (await fetch(`${assay.api}/api/v1/traces/${id}?content=true`)).json()) as Trace;
  // An insert shows a span a moment before its content, which stands in a table of its own.
  const isWhole = (span: Span): boolean => !span.has_content || Boolean(span.content);
  return await until(
    load,
    (trace) => (trace.spans?.length ?? 0) >= spans && trace.spans.every(isWhole),
  );
}

/** Of the collector's process, when everything was ready. On an idle machine that is the time it took, however busy this one is. */
let startCpuSeconds = 0;

beforeAll(async () => {
  assay = await startAssay("start", await assayEnv());
  if (process.platform === "linux") startCpuSeconds = (await useOf(assay.child.pid!)).cpuSeconds;
  const model = await startService("model-server.ts", {});
  const handbook = await startService("service.ts", {
    OTEL_SERVICE_NAME: "handbook",
    MODEL_SERVER_URL: `${model}/v1`,
  });
  frontdeskUrl = await startService("frontdesk.ts", {
    OTEL_SERVICE_NAME: "frontdesk",
    HANDBOOK_URL: handbook,
  });
});

afterAll(async () => {
  await Promise.all(services.map((service) => service.stop(5_000)));
  expect(await assay?.stop()).toBe(0);
  await removeData(assay.env);
});

// 2 s of CPU on a quiet machine; the same work has taken twice that on one that others share.
test.skipIf(process.platform !== "linux")("is ready after little work", () => {
  expect(startCpuSeconds).toBeGreaterThan(0.1);
  expect(startCpuSeconds).toBeLessThan(6);
});

describe.each(["gpt-4o-mini", "gpt-4o"])("a question answered by %s", (model) => {
  let answer: Answer;
  let trace: Trace;

  beforeAll(async () => {
    const response = await ask({
      question: "How do I print a label?",
      user: "u-7",
      session: "s-1",
      model,
    });
    expect(response.status).toBe(200);
    answer = (await response.json()) as Answer;
    trace = await getTrace(answer.traceId, 5);
  });

  test("is one trace of two services in which everything hangs together", () => {
    const byId = new Map(trace.spans.map((span) => [span.span_id, span]));
    const named = (operation: string): Span =>
      trace.spans.find((span) => span.operation === operation)!;
    const parentOf = (span: Span): Span | undefined => byId.get(span.parent_span_id ?? "");
    expect(trace.spans).toHaveLength(5);
    expect(trace.roots).toHaveLength(1);
    const front = byId.get(trace.roots[0]!)!;
    expect(front.service).toBe("frontdesk");
    const guarded = parentOf(named("chat"))!;
    expect(guarded.name).toBe("guard handbook");
    const handbook = parentOf(guarded)!;
    expect(handbook.service).toBe("handbook");
    expect(parentOf(named("retrieval"))).toBe(handbook);
    expect(parentOf(handbook)).toBe(front);
  });

  test("has the tokens that the model server reported, and their price to 12 decimals", () => {
    const call = trace.spans.find((span) => span.is_model_call)!;
    expect(call).toMatchObject({
      provider: expect.any(String),
      request_model: model,
      input_tokens: answer.usage.prompt_tokens,
      cache_read_tokens: answer.usage.prompt_tokens_details?.cached_tokens ?? 0,
      output_tokens: answer.usage.completion_tokens,
      reasoning_tokens: answer.usage.completion_tokens_details?.reasoning_tokens ?? 0,
      cost_status: "priced",
      cost: expectedCost(model, answer.usage),
      session_id: "s-1",
      user_id: "u-7",
    });
    expect(call.reported_cost).toBe(call.cost);
    expect(trace.totals).toMatchObject({ calls: 1, cost: call.cost });
  });

  test("shows the documents found, the prompt and the answer", () => {
    const retrieval = trace.spans.find((span) => span.operation === "retrieval")!;
    const call = trace.spans.find((span) => span.is_model_call)!;
    const documents = JSON.stringify(retrieval.content);
    expect(retrieval.document_count).toBeGreaterThan(0);
    for (const { id } of answer.sources) expect(documents).toContain(id);
    expect(JSON.stringify(call.content)).toContain("How do I print a label?");
    expect(JSON.stringify(call.content)).toContain(JSON.stringify(answer.answer).slice(1, 40));
  });

  test.skipIf(!hasBrowser)("is shown by the page, documents, answer and cost", async () => {
    const browser = await launchBrowser();
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(10_000);
      await page.goto(`${assay.api}/#/traces`);
      await page.locator(`a[href*="${answer.traceId}"]`).first().click();
      await page.getByTestId("span-row").nth(3).waitFor();
      await page.getByTestId("span-row").filter({ hasText: "retrieval" }).click();
      const documents = page.getByTestId("documents");
      for (const { id } of answer.sources) await documents.getByText(id).first().waitFor();
      await page
        .getByTestId("span-row")
        .filter({ hasText: `chat ${model}` })
        .click();
      await page.getByTestId("part-output").getByText(answer.answer.slice(0, 30)).waitFor();
      const call = trace.spans.find((span) => span.is_model_call)!;
      expect(await page.getByTestId("span-facts").textContent()).toContain(`${call.cost} USD`);
    } finally {
      await browser.close();
    }
  });
});

test("a streamed answer has tokens, cost and time to first token", async () => {
  const response = await ask({
    question: "What does the warranty cover?",
    model: "gpt-4o-mini",
    stream: true,
  });
  const events = await response.text();
  const done = JSON.parse(/event: done\ndata: (.*)/.exec(events)![1]!) as Answer;
  const call = (await getTrace(done.traceId, 4)).spans.find((span) => span.is_model_call)!;
  expect(call.input_tokens).toBe(done.usage.prompt_tokens);
  expect(call.cost).toBe(expectedCost("gpt-4o-mini", done.usage));
  expect(call.ttft_ms).toBeGreaterThan(0);
});

test("an e-mail address in a question never leaves the service", async () => {
  const response = await ask({
    question: "My mail is jane.doe@example.com, how do I reset my password?",
    model: "gpt-4o-mini",
  });
  const { traceId } = (await response.json()) as Answer;
  const trace = JSON.stringify(await getTrace(traceId, 4));
  expect(trace).toContain("[email]");
  expect(trace).not.toContain("jane.doe@example.com");
});

test("costs by project and model add up to the spans", async () => {
  interface Costs {
    rows: { project: string; model: string; calls: number; cost: string }[];
    totals: { calls: number; cost: string };
  }
  const load = async (): Promise<Costs> =>
    (await (
      await fetch(`${assay.api}/api/v1/costs?from=now-1h&to=now&by=project,model`)
    ).json()) as Costs;
  const { rows, totals } = await until(load, (costs) => costs.totals?.calls === 4);
  expect(new Set(rows.map((row) => row.project))).toEqual(new Set(["handbook"]));
  const pico = (cost: string): bigint => BigInt(cost.replace(".", ""));
  expect(rows.reduce((sum, row) => sum + pico(row.cost), 0n)).toBe(pico(totals.cost));
});
