/**
 * Attributes as services should not send them: a name of its own for every service, model and key, and spans of no, many
 * and large attributes. All is stored; what is counted by name stays small, and so does memory.
 */
import { randomBytes } from "node:crypto";
import { createClickHouse, targetOf } from "@assay/clickhouse";
import type { ClickHouseClient } from "@clickhouse/client";
import { afterAll, beforeAll, expect, test } from "vitest";

import { useOf } from "../bench/proc.ts";
import { assayEnv, removeData, startAssay, until, type RunningAssay } from "../processes.ts";
import { findInconsistencies } from "./consistency.ts";
import { metricsOf } from "./metrics.ts";

const CAP_MIB = 600;
const BATCH = 500;
/** Distinct services a day and project, by collector/encode/cardinality.ts; one more is `other`. */
const MAX_SERVICES = 200;
const MAX_MODELS = 500;

let assay: RunningAssay;
let client: ClickHouseClient;

beforeAll(async () => {
  assay = await startAssay("collector", await assayEnv());
  await until(
    () => metricsOf(assay),
    (metrics) => metrics.get("assay_engine_up") === 1 && metrics.has("assay_insert_in_flight"),
  );
  const [host, port] = assay.env["ASSAY_CLICKHOUSE_HTTP"]!.split(":");
  const address = { host: host!, port: Number(port) };
  client = createClickHouse(
    await targetOf({ ASSAY_DATA: assay.dataDir, ASSAY_CLICKHOUSE_HTTP: address }, "writer"),
  );
});

afterAll(async () => {
  await client?.close();
  await assay?.stop();
  if (assay) await removeData(assay.env);
});

type Attributes = Record<string, string>;

const keyValues = (attributes: Attributes) =>
  Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } }));

/** A model call in a resource of its own. */
function resourceSpan(project: string, service: string, attributes: Attributes): unknown {
  const start = BigInt(Date.now()) * 1_000_000n;
  const span = {
    traceId: randomBytes(16).toString("hex"),
    spanId: randomBytes(8).toString("hex"),
    name: "chat",
    kind: 3,
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + 1_000_000n),
    attributes: keyValues({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      ...attributes,
    }),
  };
  return {
    resource: { attributes: keyValues({ "service.namespace": project, "service.name": service }) },
    scopeSpans: [{ spans: [span] }],
  };
}

async function send(resourceSpans: readonly unknown[]): Promise<void> {
  const response = await fetch(`${assay.otlp}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ resourceSpans }),
  });
  expect([response.status, await response.text()]).toEqual([200, "{}"]);
}

async function number(expression: string, from: string): Promise<number> {
  const result = await client.query({
    query: `SELECT toUInt32(${expression}) AS n FROM ${from}`,
    format: "JSONEachRow",
  });
  return (await result.json<{ n: number }>())[0]!.n;
}

const stored = (where: string) => number("count()", `assay.spans WHERE ${where}`);

test("every span has a service, a model and a key of its own: rollups and memory stay small", async () => {
  const spans = 10_000;
  for (let from = 0; from < spans; from += BATCH) {
    await send(
      Array.from({ length: BATCH }, (_, i) =>
        resourceSpan("names", `service-${from + i}`, {
          "gen_ai.request.model": `model-${from + i}`,
          [`key-${from + i}`]: "value",
        }),
      ),
    );
  }
  await until(
    () => stored("startsWith(service, 'service-')"),
    (count) => count === spans,
    60_000,
  );
  await until(
    () => findInconsistencies(client),
    (findings) => findings.length === 0,
  );
  expect(await number("uniqExact(service)", "assay.llm_1h")).toBeLessThanOrEqual(MAX_SERVICES + 1);
  expect(await number("uniqExact(request_model)", "assay.llm_1h")).toBeLessThanOrEqual(
    MAX_MODELS + 1,
  );
  expect(await number("countIf(service = 'other')", "assay.llm_1h")).toBeGreaterThan(0);
  const metrics = await metricsOf(assay);
  expect(metrics.get("assay_encode_folded_values_total")).toBeGreaterThanOrEqual(
    spans - MAX_SERVICES,
  );
  expect((await useOf(assay.child.pid!)).peakRssMiB, "MiB of the collector").toBeLessThan(CAP_MIB);
});

test.each([
  [0, 0],
  [100, 50],
  [10, 1_000],
  [20, 5_000],
])(
  "%i attributes of %i bytes are all there",
  async (count, bytes) => {
    const service = `attributes-${count}-${bytes}`;
    const attributes = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`x.attribute-${i}`, "v".repeat(bytes)]),
    );
    await send(Array.from({ length: BATCH }, () => resourceSpan("sizes", service, attributes)));
    await until(
      () => stored(`service = '${service}'`),
      (stands) => stands === BATCH,
      30_000,
    );
    const whole = `length(arrayFilter((key, value) -> startsWith(key, 'x.') AND length(value) = ${bytes}, mapKeys(attrs_string), mapValues(attrs_string)))`;
    expect(await stored(`service = '${service}' AND ${whole} = ${count}`)).toBe(BATCH);
    expect((await useOf(assay.child.pid!)).peakRssMiB, "MiB of the collector").toBeLessThan(
      CAP_MIB,
    );
  },
  60_000,
);
