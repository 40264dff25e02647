/** Incidents over HTTP from the real engine: what is open, and who looks at it. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiClient, createApiClient } from "./client.ts";
import { type QueryApi, startQueryApi } from "./main.ts";

let engine: TestEngine;
let writer: ClickHouseClient;
let api: QueryApi;
let readOnly: QueryApi;
let client: ApiClient;

const address = { host: "127.0.0.1", port: 0 };
const urlOf = ({ address: { port } }: QueryApi): string => `http://127.0.0.1:${port}`;

beforeAll(async () => {
  engine = await withEngine();
  writer = createClickHouse(engine.target);
  await migrate(writer, { log: () => {} });
  const row = (incident_id: string, event: string, minutesAgo: number, more = {}) => ({
    incident_id, project: "shop", subject: "cost", event, at: new Date(Date.now() - minutesAgo * 60_000).toISOString().slice(0, 23).replace("T", " "),
    severity: "page", title: `${event} ${incident_id}`, incident: "{}", ...more,
  }); // prettier-ignore
  await writer.insert({
    table: "assay.incidents",
    values: [
      row("over", "open", 90),
      row("over", "resolved", 60),
      row("worse", "open", 50),
      row("worse", "acknowledge", 40, { by: "Bob", incident: "" }),
      row("worse", "open", 30, { title: "it is worse" }),
      row("new", "open", 10, { project: "search", severity: "ticket" }),
    ],
    format: "JSONEachRow",
  });
  const options = { address, target: engine.readerTarget, log: () => {}, checkAnswers: true };
  api = await startQueryApi({ ...options, writer: engine.target });
  readOnly = await startQueryApi(options);
  client = createApiClient(urlOf(api));
});
afterAll(async () => {
  await Promise.all([api?.stop(), readOnly?.stop()]);
  await writer?.close();
  await engine?.stop();
});

const RANGE = { from: "now-1d", to: "now" };

test("open ones come first; an acknowledgement of before it got worse does not count", async () => {
  const { incidents } = await client.incidents(RANGE);
  expect(incidents.map(({ incident }) => incident)).toEqual(["new", "worse", "over"]);
  expect(incidents[1]).toMatchObject({
    title: "it is worse",
    acknowledged: null,
    acknowledged_by: "",
    over: null,
  });
  expect(incidents[2]!.over).toMatch(/^20\d\d-.*Z$/);
  const open = await client.incidents({ ...RANGE, open: "true", project: "search" });
  expect(open.incidents.map(({ incident }) => incident)).toEqual(["new"]);
});

test("somebody looks at it", async () => {
  expect(await client.acknowledge({ incident: "new", by: " Ada " })).toEqual({
    incident: "new",
    acknowledged_by: "Ada",
  });
  const { incidents } = await client.incidents({ ...RANGE, project: "search" });
  expect(incidents[0]).toMatchObject({ acknowledged_by: "Ada", severity: "ticket" });
  expect(incidents[0]!.acknowledged).toMatch(/Z$/);
});

test.each([
  ["an incident that is not there", { incident: "no", by: "Ada" }, "incident_not_found"],
  ["nobody", { incident: "new", by: " " }, "bad_parameter"],
  ["something else", { incident: "new", by: "Ada", until: "now" }, "bad_parameter"],
])("refuses %s", async (_name, body, code) => {
  await expect(client.acknowledge(body)).rejects.toMatchObject({ code });
});

test("a server that may only read says so", async () => {
  const reading = createApiClient(urlOf(readOnly));
  await expect(reading.acknowledge({ incident: "new", by: "Ada" })).rejects.toMatchObject({
    code: "read_only",
    status: 403,
  });
});

test("runbooks are served as text, and nothing else of that folder's neighbours", async () => {
  const page = await fetch(`${urlOf(api)}/runbooks/cost-spike`);
  expect(page.status).toBe(200);
  expect(page.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(await page.text()).toContain("# cost-spike");
  expect((await fetch(`${urlOf(api)}/runbooks/..%2fchecks.md`)).status).toBe(404);
  expect((await fetch(`${urlOf(api)}/runbooks/`)).status).toBe(404);
});
