/** Lists by fields, search, exports, live spans, and what is around every answer: over HTTP, against the real engine. */
import http from "node:http";
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiClient, ApiClientError, createApiClient, eventsOf } from "./client.ts";
import { type QueryApi, type QueryApiOptions, startQueryApi } from "./main.ts";
import { chat, insertSpans, testSpanId, testTraceId } from "./test-spans.ts";
import { CONTENT_TEXT, TEXT_INDEX_SQL } from "./text-index.ts";

const NOON = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;
const range = { from: String(NOON - 3_600_000), to: String(NOON + 3_600_000) };
const CALLS = 40;
let engine: TestEngine;
let writer: ClickHouseClient;
let api: QueryApi;
let client: ApiClient;
let url: string;

async function startApi(options: Partial<QueryApiOptions> = {}): Promise<QueryApi> {
  return startQueryApi({
    checkAnswers: true,
    address: { host: "127.0.0.1", port: 0 },
    target: engine.readerTarget,
    log: () => {},
    ...options,
  });
}

beforeAll(async () => {
  engine = await withEngine();
  writer = createClickHouse(engine.target);
  await migrate(writer, { log: () => {} });
  await insertSpans(
    writer,
    Array.from({ length: CALLS }, (_, i) => ({
      trace: `t${i >> 1}`,
      span: `call ${i}`,
      startMs: NOON + i * 1000,
      columns: chat("gpt-a", "0.25", {
        status: i % 10 === 0 ? "error" : "ok",
        has_content: true,
        content_input: `[{"role":"user","content":"Where is Order-${1000 + i}, in the Größe XL?"}]`,
        content_output: i % 2 === 0 ? '=cmd()\r\nquote " and , comma' : "",
        resource: { "service.name": "api", "host.cpus": '{"intValue":"4"}' },
        attrs_int: { retries: "2" },
        seed: i === 0 ? "9007199254740993" : null,
        event_names: ["first"],
        event_times: ["1"],
        event_attributes: ['[{"key":"k","value":{"stringValue":"v"}}]'],
      }),
    })),
  );
  api = await startApi();
  url = `http://127.0.0.1:${api.address.port}`;
  client = createApiClient(url);
});

afterAll(async () => {
  await api.stop();
  await writer.close();
  await engine.stop();
});

interface Download {
  status: number;
  headers: http.IncomingHttpHeaders;
  trailers: NodeJS.Dict<string>;
  text: string;
}

/** fetch() keeps trailers to itself. */
function download(path: string, headers: Record<string, string> = {}): Promise<Download> {
  return new Promise((resolve, reject) => {
    http
      .get({ ...api.address, path, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            trailers: response.trailers,
            text: Buffer.concat(chunks).toString(),
          }),
        );
      })
      .on("error", reject);
  });
}

/** What came until `end` did. */
async function readUntil(response: Response, end: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes(end)) break;
  }
  return text;
}

const exported = (more: string): string =>
  `/api/v1/export?from=${range.from}&to=${range.to}&${more}`;

describe("spans by fields", () => {
  test("core alone, everything, and page after page", async () => {
    const { spans } = await client.spans({ ...range, fields: "core", limit: "1" });
    expect(spans[0]).toMatchObject({ name: `call ${CALLS - 1}`, service: "api" });
    expect(spans[0]).not.toHaveProperty("cost");
    expect(spans[0]).not.toHaveProperty("seed");
    const all = await client.spans({ ...range, fields: "usage,details,content", limit: "100" });
    expect(all.spans).toHaveLength(CALLS);
    expect(all.spans.at(-1)).toMatchObject({
      cost: "0.250000000000",
      attributes: { retries: 2 },
      content: { input: [{ role: "user" }] },
    });
    const seen: unknown[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.spans({ ...range, limit: "7", ...(cursor && { cursor }) });
      seen.push(...page.spans.map((span) => span.span_id));
      cursor = page.next_cursor ?? undefined;
    } while (cursor);
    expect(seen).toEqual(all.spans.map((span) => span.span_id));
  });

  test("content only of a hundred", async () => {
    await expect(client.spans({ ...range, fields: "content", limit: "101" })).rejects.toThrow(
      "up to 100 with content",
    );
  });
});

test("evaluations page after page, in either order, by fields", async () => {
  await writer.insert({
    table: "assay.evaluations",
    format: "JSONEachRow",
    values: Array.from({ length: 9 }, (_, i) => ({
      project: "shop",
      name: "faithfulness",
      event_time: new Date(NOON + (i >> 1)).toISOString().replace("T", " ").replace("Z", ""),
      evaluation_id: `evaluation-${i}`.padEnd(16, "x"),
      source: "judge",
      norm: (i % 3) / 2,
      score: i,
      status: "ok",
      explanation: "because",
    })),
  });
  for (const order of ["newest", "worst"] as const) {
    const whole = await client.evaluations({ ...range, order });
    expect(whole.evaluations).toHaveLength(9);
    expect(whole.next_cursor).toBeNull();
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.evaluations({
        ...range,
        order,
        limit: "2",
        fields: "core",
        ...(cursor && { cursor }),
      });
      expect(page.evaluations[0]).not.toHaveProperty("explanation");
      seen.push(...page.evaluations.map((one) => one.evaluation_id));
      cursor = page.next_cursor ?? undefined;
    } while (cursor);
    expect(seen).toEqual(whole.evaluations.map((one) => one.evaluation_id));
  }
  await expect(client.evaluations({ ...range, cursor: "x" })).rejects.toThrow("next_cursor");
});

describe("search", () => {
  const search = async (q: string, more: Record<string, string> = {}) =>
    (await client.search({ ...range, q, ...more })).matches.map((match) => match.span_id);

  test("all words, whatever their case, as whole words", async () => {
    const answer = await client.search({ ...range, q: "order 1007" });
    expect(answer.matches).toEqual([
      expect.objectContaining({
        trace_id: testTraceId("t3"),
        span_id: testSpanId("t3", "call 7"),
        parts: ["input"],
        snippet: expect.stringContaining("Where is Order-1007"),
      }),
    ]);
    expect(await search("100")).toEqual([]);
    expect(await search("Größe", { limit: "100" })).toHaveLength(CALLS);
    expect(await search("nowhere order")).toEqual([]);
  });

  test("a phrase", async () => {
    expect(await search('"IN THE GRÖßE"')).toEqual([]); // only ASCII letters fold
    expect(await search('"IN THE Größe"', { limit: "100" })).toHaveLength(CALLS);
    expect(await search('"the in"')).toEqual([]);
  });

  test("page after page, and by project", async () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.search({
        ...range,
        q: "order",
        limit: "9",
        ...(cursor && { cursor }),
      });
      seen.push(...page.matches.map((match) => match.span_id));
      cursor = page.next_cursor ?? undefined;
    } while (cursor);
    expect(new Set(seen).size).toBe(CALLS);
    expect(seen).toHaveLength(CALLS);
    expect(await search("order", { project: "elsewhere" })).toEqual([]);
  });

  test("the same with the text index", async () => {
    const before = await search("order", { limit: "100" });
    for (const query of TEXT_INDEX_SQL) await writer.command({ query });
    expect(await search("order", { limit: "100" })).toEqual(before);
    expect(await search("order 1007")).toEqual([testSpanId("t3", "call 7")]);
    const plan = await writer.query({
      query: `EXPLAIN indexes = 1 SELECT count() FROM span_content WHERE hasAllTokens(${CONTENT_TEXT}, ['order'])`,
      format: "TabSeparatedRaw",
    });
    expect(await plan.text()).toContain("ix_text");
  });
});

describe("export", () => {
  test("JSON Lines, with the count after them", async () => {
    const { text, trailers, headers } = await download(
      exported("format=jsonl&fields=core,content"),
    );
    const spans = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(spans).toHaveLength(CALLS);
    expect(spans[0]).toMatchObject({ name: "call 0", content: { input: [{ role: "user" }] } });
    expect(spans[0]).not.toHaveProperty("cost");
    expect(trailers).toMatchObject({
      "assay-row-count": String(CALLS),
      "assay-truncated": "false",
    });
    expect(headers["content-disposition"]).toContain(".jsonl");
  });

  test("at most limit, and says that there is more", async () => {
    const { text, trailers } = await download(exported("format=jsonl&limit=3"));
    expect(text.trimEnd().split("\n")).toHaveLength(3);
    expect(trailers).toMatchObject({ "assay-row-count": "3", "assay-truncated": "true" });
  });

  test("CSV that no spreadsheet runs", async () => {
    const { text } = await download(exported("format=csv&fields=core,usage,content&status=error"));
    const lines = text.trimEnd().split("\r\n");
    expect(lines[0]).toMatch(/^project,trace_id,span_id,.*,cost,.*,content$/);
    expect(lines).toHaveLength(1 + CALLS / 10);
    expect(lines[1]).toContain('""output"":""=cmd()\\r\\nquote');
    await insertSpans(writer, [
      { trace: "formula", span: "=1+1", project: "sheet", startMs: NOON, columns: {} },
    ]);
    const sheet = await download(exported("format=csv&fields=core&project=sheet"));
    expect(sheet.text).toContain(",'=1+1,");
  });

  test("OTLP JSON that an OTLP receiver takes", async () => {
    const { text } = await download(exported("format=otlp&fields=content&project=shop"));
    const [request] = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const [resource] = request.resourceSpans;
    expect(resource.resource.attributes).toContainEqual({
      key: "host.cpus",
      value: { intValue: "4" },
    });
    const span = resource.scopeSpans[0].spans.find(
      (one: { name: string }) => one.name === "call 0",
    );
    expect(span).toMatchObject({
      traceId: testTraceId("t0"),
      startTimeUnixNano: `${NOON}000000`,
      status: { code: 2 },
      events: [{ name: "first", attributes: [{ key: "k", value: { stringValue: "v" } }] }],
    });
    expect(span.attributes).toEqual(
      expect.arrayContaining([
        { key: "gen_ai.request.model", value: { stringValue: "gpt-a" } },
        { key: "gen_ai.usage.input_tokens", value: { intValue: "100" } },
        { key: "gen_ai.request.seed", value: { intValue: "9007199254740993" } },
        { key: "retries", value: { intValue: "2" } },
        {
          key: "gen_ai.input.messages",
          value: { stringValue: expect.stringContaining("Order-1000") },
        },
      ]),
    );
  });

  test("Parquet, which the engine reads back", async () => {
    const response = await client.exportSpans({ ...range, format: "parquet", project: "shop" });
    expect(response.headers.get("assay-row-count")).toBe(String(CALLS));
    const bytes = Buffer.from(await response.arrayBuffer());
    expect([bytes.subarray(0, 4).toString(), bytes.subarray(-4).toString()]).toEqual([
      "PAR1",
      "PAR1",
    ]);
    await writer.command({
      query: "CREATE TABLE parquet_back (name String, cost Nullable(String)) ENGINE = Memory",
    });
    const back = await fetch(
      `${engine.target.url}/?query=${encodeURIComponent("INSERT INTO parquet_back FORMAT Parquet")}&database=assay`,
      {
        method: "POST",
        headers: { "X-ClickHouse-User": "writer", "X-ClickHouse-Key": engine.target.password },
        body: bytes,
      },
    );
    expect(back.status).toBe(200);
    const rows = await writer.query({
      query: "SELECT count() AS n, sum(toDecimal64(cost, 12)) AS usd FROM parquet_back",
      format: "JSONEachRow",
    });
    expect(await rows.json()).toEqual([{ n: CALLS, usd: CALLS / 4 }]);
    await expect(
      client.exportSpans({ ...range, format: "parquet", fields: "content" }),
    ).rejects.toThrow("no content");
  });

  test("wrong from the beginning is an error, not half a file", async () => {
    await expect(
      client.exportSpans({ ...range, format: "jsonl", limit: "0" }),
    ).rejects.toMatchObject({ status: 400 });
  });
});

describe("live spans", () => {
  test("each span once, by filter, and an end when the client goes", async () => {
    const gone = new AbortController();
    const response = await client.liveSpans({ project: "live" }, { signal: gone.signal });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const received_at = (): string => new Date().toISOString().replace("T", " ").replace("Z", "");
    const insert = (name: string, project: string) =>
      insertSpans(writer, [
        {
          trace: name,
          span: name,
          project,
          startMs: Date.now(),
          columns: { received_at: received_at() },
        },
      ]);
    const names: unknown[] = [];
    const reading = (async () => {
      for await (const { event, data } of eventsOf(response)) {
        names.push([event, data["name"]]);
        if (names.length === 2) return;
      }
    })();
    await insert("one", "live");
    await insert("other", "elsewhere");
    await new Promise((resolve) => setTimeout(resolve, 2500)); // two looks: what was sent is not sent again
    await insert("two", "live");
    await reading;
    expect(names).toEqual([
      ["span", "one"],
      ["span", "two"],
    ]);
    gone.abort();
    await expect
      .poll(async () => (await (await fetch(`${url}/healthz`)).json()) as object)
      .toMatchObject({ live: { following: 0, dropped: 0 } });
  });

  test("a comment while nothing comes, so that nothing between closes the connection", async () => {
    const restless = await startApi({ heartbeatMs: 1 });
    const gone = new AbortController();
    const response = await createApiClient(`http://127.0.0.1:${restless.address.port}`).liveSpans(
      { project: "silent" },
      { signal: gone.signal },
    );
    const text = await readUntil(response, ": nothing new\n\n");
    expect(text.startsWith(": following\n\nretry: 5000\n\n")).toBe(true);
    gone.abort();
    await restless.stop(500);
  });

  test("a client that takes nothing is dropped, and counted", async () => {
    const strict = await startApi({ stallMs: 50 });
    const path = "/api/v1/spans/live?project=stalled&fields=content";
    const following = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get({ ...strict.address, path }, resolve).on("error", reject);
    });
    following.pause();
    const closed = new Promise((resolve) => following.once("close", resolve));
    following.on("error", () => {}); // it is broken off in the middle
    // More than the sockets of both sides take in.
    await insertSpans(
      writer,
      Array.from({ length: 30 }, (_, i) => ({
        trace: `stalled ${i}`,
        span: `stalled ${i}`,
        project: "stalled",
        startMs: Date.now(),
        columns: {
          received_at: new Date().toISOString().replace("T", " ").replace("Z", ""),
          has_content: true,
          content_input: "x".repeat(1_000_000),
        },
      })),
    );
    const health = async () =>
      (await (await fetch(`http://127.0.0.1:${strict.address.port}/healthz`)).json()) as object;
    await expect.poll(health).toMatchObject({ live: { following: 0, dropped: 1 } });
    following.resume();
    await closed;
    expect(following.complete).toBe(false);
    await strict.stop(500);
  });

  test("only so many follow at a time", async () => {
    const few = await startApi({ liveClients: 1 });
    const follow = createApiClient(`http://127.0.0.1:${few.address.port}`);
    const first = new AbortController();
    await follow.liveSpans({}, { signal: first.signal });
    await expect(follow.liveSpans({})).rejects.toMatchObject({
      status: 503,
      code: "too_many_live",
    });
    first.abort();
    await few.stop(500);
  });
});

describe("around every answer", () => {
  test("a request id: the client's own, or a new one; in errors too", async () => {
    const own = await download("/api/v1/projects", { "x-request-id": "mine-1" });
    expect(own.headers["x-request-id"]).toBe("mine-1");
    const made = await download("/api/v1/nowhere", { "x-request-id": "a b" });
    expect(made.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.parse(made.text).error.request_id).toBe(made.headers["x-request-id"]);
  });

  test("an ETag: what has not changed is not sent again", async () => {
    const path = `/api/v1/spans?from=${range.from}&to=${range.to}`;
    const first = await download(path);
    expect(first.headers["cache-control"]).toBe("private, no-cache");
    const again = await download(path, { "if-none-match": String(first.headers.etag) });
    expect([again.status, again.text]).toEqual([304, ""]);
  });

  test("a rate, and what a query may read", async () => {
    const strict = await startApi({ requestsPerSecond: 2, queryLimits: { rows: 10, bytes: 1e9 } });
    const asked = createApiClient(`http://127.0.0.1:${strict.address.port}`);
    await expect(asked.spans({ ...range, project: "shop" })).rejects.toMatchObject({
      status: 400,
      code: "query_too_costly",
    });
    const answers = await Promise.allSettled(Array.from({ length: 8 }, () => asked.projects({})));
    const refused = answers.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    expect(refused.length).toBeGreaterThanOrEqual(4);
    expect(refused.every((reason) => reason instanceof ApiClientError)).toBe(true);
    expect(refused.map((reason) => (reason as ApiClientError).code)).toContain("rate_limited");
    await strict.stop();
  });

  test("the document as a page, without scripts or anything from elsewhere", async () => {
    const { text, headers } = await download("/api/v1/docs");
    expect(headers["content-type"]).toContain("text/html");
    expect(text).toContain("/api/v1/export");
    expect(text).not.toMatch(/<script|https?:\/\//);
    expect((await download("/api/v1/docs.css")).headers["content-type"]).toContain("text/css");
  });
});
