/** Incidents in the store: acknowledged by people, and gone on with by another collector, on the real engine. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { parseChecksConfig } from "../config.ts";
import type { Result } from "./incident.ts";
import { createJournal } from "./journal.ts";
import { Notifier } from "./notifier.ts";

interface Told {
  path: string;
  body: any;
}

let engine: TestEngine;
let client: ClickHouseClient;
let server: Server;
let url: string;
let dir: string;
let nowMs: number;
const told: Told[] = [];
const running: Notifier[] = [];

beforeAll(async () => {
  engine = await withEngine();
  client = createClickHouse(engine.target);
  await migrate(client, { log: () => {} });
  dir = mkdtempSync(join(tmpdir(), "assay-acknowledge-"));
  server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      told.push({ path: request.url ?? "", body: JSON.parse(text) });
      response.writeHead(202).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
  told.length = 0;
  nowMs = Date.now();
});
afterAll(async () => {
  await Promise.all(running.map((one) => one.stop()));
  await new Promise((resolve) => server.close(resolve));
  await client?.close();
  await engine?.stop();
  rmSync(dir, { recursive: true, force: true });
});

function start(name: string, isActive = () => true): Notifier {
  const text = `notify:
  wait: 30s
  repeat: 4h
  channels:
    - { kind: pagerduty, name: pagerduty, severities: [page, ticket], routing_key: { env: KEY }, url: "${url}/pd" }
    - { kind: opsgenie, name: opsgenie, severities: [page, ticket], api_key: { env: KEY }, url: "${url}/og" }
    - { kind: slack, name: slack, severities: [page, ticket], url: "${url}/slack" }`;
  const { notify } = parseChecksConfig(text, { KEY: "k" }, "test");
  const notifier = new Notifier({
    config: notify!,
    file: join(dir, `${name}.json`),
    log: () => {},
    now: () => nowMs,
    lookMs: 20,
    journal: createJournal(client, "http://assay.example"),
    isActive,
  });
  running.push(notifier);
  return notifier;
}

function result(project: string, state: string, more: Partial<Result> = {}): Result {
  return {
    check_name: "cost-spike", project, series: "", subject: "cost", severity: "ticket", state, since: nowMs / 1_000, event_time: nowMs / 1_000,
    estimate: 12, low: 11, high: 13, baseline: 5, n: 170, reason: "cost is $12 an hour", moved_by: "", worst_traces: [], ...more,
  }; // prettier-ignore
}

const heard = (count: number) => expect.poll(() => told.length).toBe(count);
const actions = () =>
  told.filter(({ path }) => path === "/pd").map(({ body }) => body.event_action as string);

async function acknowledge(project: string): Promise<void> {
  await client.command({
    query: `INSERT INTO incidents (incident_id, at, project, subject, event, by)
      SELECT incident_id, fromUnixTimestamp64Milli({at:Int64}), project, subject, 'acknowledge', 'Ada' FROM incidents WHERE project = {project:String} AND event = 'open' LIMIT 1`,
    query_params: { project, at: nowMs },
  });
}

const recorded = async (project: string): Promise<string[]> => {
  const rows = await client.query({
    query: `SELECT event FROM incidents WHERE project = {project:String} ORDER BY at, event`,
    query_params: { project },
    format: "JSONEachRow",
  });
  return (await rows.json<{ event: string }>()).map(({ event }) => event);
};

test("who is told hears that somebody looks at it; it is not repeated, unless it gets worse", async () => {
  const notifier = start("shop");
  notifier.take([result("shop", "firing")]);
  nowMs += 31_000;
  await heard(3);
  await expect.poll(() => recorded("shop")).toEqual(["open"]);
  nowMs += 11_000;
  await acknowledge("shop");
  nowMs += 11_000;
  await heard(6);
  expect(actions()).toEqual(["trigger", "acknowledge"]);
  expect(told.map(({ path }) => path).filter((path) => path.startsWith("/og/"))).toEqual([
    expect.stringMatching(/^\/og\/[0-9a-f-]+\/acknowledge\?identifierType=alias$/),
  ]);
  expect(told.at(-1)!.body.text ?? told.at(-2)!.body.text).toContain("Ada looks at cost");
  nowMs += 5 * 3_600_000;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(told).toHaveLength(6);
  notifier.take([result("shop", "firing", { check_name: "spend-burn", severity: "page" })]);
  await heard(9);
  expect(actions()).toEqual(["trigger", "acknowledge", "trigger"]);
  notifier.take([
    result("shop", "ok"),
    result("shop", "ok", { check_name: "spend-burn", severity: "page" }),
  ]);
  await heard(12);
  await expect
    .poll(() => recorded("shop"))
    .toEqual(["open", "acknowledge", "acknowledged", "open", "resolved"]);
});

test("another collector goes on with an incident: no second page, one resolve under the same key", async () => {
  let first = true;
  const a = start("a", () => first);
  const b = start("b", () => !first);
  a.take([result("search", "firing")]);
  nowMs += 31_000;
  await heard(3);
  await expect.poll(() => recorded("search")).toEqual(["open"]);
  first = false;
  // What a collector that takes over reads from check_results.
  b.take([result("search", "firing")]);
  await expect.poll(() => b.stats().openIncidents).toBe(1);
  nowMs += 60_000;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(told).toHaveLength(3);
  b.take([result("search", "ok")]);
  await heard(6);
  expect(actions()).toEqual(["trigger", "resolve"]);
  const keys = told
    .filter(({ path }) => path === "/pd")
    .map(({ body }) => body.dedup_key as string);
  expect(new Set(keys).size).toBe(1);
  // And the first does not tell of it anew when its turn comes again.
  await expect.poll(() => recorded("search")).toEqual(["open", "resolved"]);
  first = true;
  nowMs += 5 * 3_600_000;
  await expect.poll(() => a.stats().openIncidents).toBe(0);
  expect(told).toHaveLength(6);
});
