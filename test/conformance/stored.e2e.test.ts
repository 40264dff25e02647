/** The matrix once through a real collector process: each transport and encoding, from the socket into the table. */
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  fixed64,
  keyValue,
  message,
  request,
  text,
  TRACE_ID,
} from "../../collector/otlp/testing.ts";
import { assayEnv, removeData, startAssay, until, type RunningAssay } from "../processes.ts";
import { ENCODINGS, send, TRANSPORTS } from "./receivers.ts";

let assay: RunningAssay;
beforeAll(async () => {
  assay = await startAssay("collector", await assayEnv());
});
afterAll(async () => {
  await assay.stop();
  await removeData(assay.env);
});

const TRACE_HEX = TRACE_ID.toString("hex");
const portOf = (setting: string): number => Number(assay.env[setting]!.split(":")[1]);

async function stored(): Promise<string[]> {
  const query = `SELECT name FROM assay.spans WHERE attrs_int['n'] = 7 AND trace_id = unhex('${TRACE_HEX}') ORDER BY name`;
  const response = await fetch(
    `${assay.clickhouse}/?user=reader&query=${encodeURIComponent(query)}`,
  );
  return (await response.text()).split("\n").filter(Boolean);
}

test("a span over each transport and encoding is a row each, counted by transport", async () => {
  const to = { httpPort: portOf("ASSAY_OTLP_HTTP"), grpcPort: portOf("ASSAY_OTLP_GRPC") };
  const names: string[] = [];
  const now = BigInt(Date.now()) * 1_000_000n;
  for (const transport of TRANSPORTS) {
    for (const encoding of ENCODINGS) {
      const name = `${transport} ${encoding}`;
      names.push(name);
      const spanId = Buffer.alloc(8, names.length);
      const json = `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"${TRACE_HEX}","spanId":"${spanId.toString("hex")}","name":"${name}","startTimeUnixNano":"${now}","endTimeUnixNano":"${now}","attributes":[{"key":"n","value":{"intValue":"7"}}]}]}]}]}`;
      const protobuf = request(
        message(
          2,
          text(1, TRACE_ID),
          text(2, spanId),
          text(5, name),
          fixed64(7, now),
          fixed64(8, now),
          keyValue(9, "n", [0x18, 7]),
        ),
      );
      const body = transport === "HTTP/JSON" ? Buffer.from(json) : protobuf;
      expect(await send(to, transport, encoding, body)).toEqual({
        code: 0,
        rejected: 0,
        message: "",
      });
    }
  }
  expect(await until(stored, (found) => found.length >= names.length)).toEqual(names.sort());
  const metrics = await (await fetch(`${assay.metrics}/metrics`)).text();
  expect(metrics).toMatch(
    /otelcol_receiver_accepted_spans_total\{[^}]*transport="http"[^}]*\} 4\n/,
  );
  expect(metrics).toMatch(
    /otelcol_receiver_accepted_spans_total\{[^}]*transport="grpc"[^}]*\} 2\n/,
  );
});

test("P27 spans that come again in another request are rows once, in every table, and counted", async () => {
  const to = { httpPort: portOf("ASSAY_OTLP_HTTP"), grpcPort: portOf("ASSAY_OTLP_GRPC") };
  const now = BigInt(Date.now()) * 1_000_000n;
  const traceId = Buffer.alloc(16, 0x27);
  const chats = (from: number, to: number) =>
    request(
      ...Array.from({ length: to - from }, (_, i) =>
        message(
          2,
          text(1, traceId),
          text(2, Buffer.alloc(8, from + i)),
          fixed64(7, now),
          fixed64(8, now),
          keyValue(9, "gen_ai.operation.name", text(1, "chat")),
        ),
      ),
    );
  for (const [from, through] of [
    [1, 5],
    [3, 9],
    [1, 9],
  ] as const)
    expect((await send(to, "HTTP/protobuf", "identity", chats(from, through))).code).toBe(0);
  expect((await send(to, "gRPC", "gzip", chats(8, 11))).code).toBe(0);
  const count = async (query: string) => {
    const url = `${assay.clickhouse}/?user=reader&query=${encodeURIComponent(query)}`;
    return Number(await (await fetch(url)).text());
  };
  const id = `trace_id = unhex('${traceId.toString("hex")}')`;
  await until(
    () => count(`SELECT count() FROM assay.spans WHERE ${id}`),
    (n) => n === 10,
  );
  // The views are filled one after the other.
  await until(
    () => count(`SELECT sum(spans) FROM assay.trace_index WHERE ${id}`),
    (n) => n === 10,
  );
  await until(
    () => count("SELECT sum(spans) FROM assay.llm_1m WHERE operation = 'chat'"),
    (n) => n === 10,
  );
  const ledger = await until(
    async () => await (await fetch(`${assay.metrics}/metrics`)).text(),
    (metrics) => metrics.includes('assay_ledger_spans{state="deduplicated"} 11'),
    40_000,
  );
  expect(ledger).toContain("assay_ledger_residual_spans 0");

  assay.child.kill("SIGKILL");
  await assay.stop();
  assay = await startAssay("collector", assay.env);
  // All but the last were there before the restart.
  expect((await send(to, "HTTP/protobuf", "identity", chats(2, 12))).code).toBe(0);
  await until(
    () => count(`SELECT count() FROM assay.spans WHERE ${id} AND span_id = repeat('\\x0b', 8)`),
    (n) => n === 1,
  );
  expect(await count(`SELECT count() FROM assay.spans WHERE ${id}`)).toBe(11);
});
