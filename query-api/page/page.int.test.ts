/** The page in a real browser over the real engine; skipped where no browser is installed. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasBrowser, launchBrowser } from "../../test/browser.ts";
import { type QueryApi, startQueryApi } from "../main.ts";
import { FEATURED, HOSTILE, seedDemo } from "../test-demo.ts";
import { insertSpans, testSpanId, testTraceId } from "../test-spans.ts";

const featuredTrace = Buffer.from(testTraceId(FEATURED), "hex").toString();
const featuredSpan = Buffer.from(testSpanId(FEATURED, "chat gpt-4.1"), "hex").toString();

describe.skipIf(!hasBrowser)("the page", () => {
  let engine: TestEngine;
  let writer: ClickHouseClient;
  let api: QueryApi;
  let browser: Browser;
  let page: Page;
  let origin = "";
  /** Console messages, failed scripts and requests to elsewhere. */
  const complaints: string[] = [];

  beforeAll(async () => {
    execFileSync(process.execPath, [fileURLToPath(new URL("./build.ts", import.meta.url))]);
    engine = await withEngine();
    writer = createClickHouse(engine.target);
    await migrate(writer, { log: () => {} });
    await seedDemo(writer, Date.now(), 120);
    await insertSpans(writer, [
      {
        trace: FEATURED,
        span: "chat gpt-4.1",
        project: "shop-assistant",
        startMs: Date.now(),
        columns: {
          row_kind: "evaluation",
          name: "Relevance",
          attrs_double: { "gen_ai.evaluation.score.value": 0.875 },
          attrs_string: {
            "gen_ai.evaluation.score.label": "good",
            "gen_ai.evaluation.explanation": HOSTILE,
          },
        },
      },
    ]);
    await writer.insert({
      table: "assay.evaluations",
      values: Array.from({ length: 40 }, (_, n) => ({
        project: "shop-assistant",
        name: "composite",
        event_time: ((Date.now() - n * 60_000) / 1_000).toFixed(3),
        evaluated_at: (Date.now() / 1_000).toFixed(3),
        evaluation_id: String(n).padStart(16, "0"),
        // The worst is of a trace that is there: its link is followed.
        trace_id: n === 0 ? featuredTrace : "t".repeat(16),
        span_id: n === 0 ? featuredSpan : "s".repeat(8),
        source: "judge",
        status: "ok",
        norm: n === 0 ? 0.1 : 0.75,
        judge_probability: 0.5,
        model: "gpt-4.1",
        explanation: HOSTILE,
      })),
      format: "JSONEachRow",
    });
    // Of the featured trace, and labels of others by people.
    const scored = Array.from({ length: 40 }, (_, n) => ({
      project: "shop-assistant",
      name: "faithfulness",
      event_time: ((Date.now() - n * 60_000) / 1_000).toFixed(3),
      evaluated_at: (Date.now() / 1_000).toFixed(3),
      trace_id: n === 0 ? featuredTrace : `t${n}`,
      span_id: n === 0 ? featuredSpan : "s",
      status: "ok",
      norm: (n % 5) / 4,
      score: 1 + (n % 5),
      model: "gpt-4.1",
    }));
    await writer.insert({
      table: "assay.evaluations",
      values: scored.flatMap((score, n) => [
        { ...score, evaluation_id: `f${n}`, source: "judge", role: "cheap", judge_hash: "aa", evaluator: "judge-1" },
        ...(n === 0 ? [] : [{ ...score, evaluation_id: `l${n}`, role: "human", purpose: "label", evaluator: "ann", stratum: "plain" }]),
      ]),
      format: "JSONEachRow",
    }); // prettier-ignore
    await writer.insert({
      table: "assay.judge_definitions",
      values: [{ judge_hash: "aa", metric: "faithfulness", described_at: "2026-01-01 00:00:00", definition: HOSTILE, scores: ["none", "some", "half", "most", "all of it"] }],
      format: "JSONEachRow",
    }); // prettier-ignore
    await writer.insert({
      table: "assay.experiment_runs",
      values: ["v1", "v2"].map((run) => ({
        experiment: "prompts", run, started_at: (Date.now() / 1_000 - 60).toFixed(3), finished_at: (Date.now() / 1_000).toFixed(3), items: 4,
        dataset_hash: "d1", model: "gpt-4.1", prompt_version: run, parameters: "{}", judges: "[]",
      })),
      format: "JSONEachRow",
    }); // prettier-ignore
    const items = ["v1", "v2"].flatMap((run) => [0, 1, 2, 3].map((n) => ({ run, n })));
    await writer.insert({
      table: "assay.experiment_outputs",
      values: items.map(({ run, n }) => ({
        experiment: "prompts", run, item: `i${n}`, trace_id: Buffer.from(`item-${n}`.padEnd(16, "-")).toString("hex"), created_at: (Date.now() / 1_000).toFixed(3),
        question: HOSTILE, answer: `answer of ${run}`,
      })),
      format: "JSONEachRow",
    }); // prettier-ignore
    await writer.insert({
      table: "assay.evaluations",
      values: items.map(({ run, n }) => ({
        project: "p", name: "composite", event_time: (Date.now() / 1_000 - 60).toFixed(3), evaluated_at: (Date.now() / 1_000).toFixed(3), evaluation_id: `${run}-${n}`,
        trace_id: `item-${n}`.padEnd(16, "-"), purpose: "experiment", experiment: "prompts", run, status: "ok", norm: run === "v1" ? 0.5 + n / 100 : 0.9,
      })),
      format: "JSONEachRow",
    }); // prettier-ignore
    await writer.insert({
      table: "assay.incidents",
      values: [
        {
          incident_id: "i1",
          at: (Date.now() / 1_000 - 300).toFixed(3),
          project: "shop-assistant",
          subject: "cost",
          event: "open",
          severity: "page",
          title: `cost ${HOSTILE}`,
          incident: "{}",
        },
      ],
      format: "JSONEachRow",
    });
    await writer.insert({
      table: "assay.check_results",
      values: ["firing", "ok"].map((state) => ({
        check_name: state === "firing" ? "cost-spike" : "latency-p95",
        project: "shop-assistant",
        event_time: Math.floor(Date.now() / 1000) - 60,
        evaluated_at: Math.floor(Date.now() / 1000),
        unit: "usd/h",
        severity: "page",
        state,
        estimate: 12,
        baseline: 5,
        n: 170,
        reason: HOSTILE,
        worst_traces: state === "firing" ? [testTraceId(FEATURED)] : [],
      })),
      format: "JSONEachRow",
    });
    api = await startQueryApi({
      address: { host: "127.0.0.1", port: 0 },
      target: engine.readerTarget,
      writer: engine.target,
      labels: { share: 1, twice: 0 },
      log: () => {},
    });
    origin = `http://127.0.0.1:${api.address.port}`;
    browser = await launchBrowser();
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.setDefaultTimeout(10_000);
    page.on(
      "console",
      (message) =>
        ["error", "warning"].includes(message.type()) &&
        complaints.push(`${message.text()} ${message.location().url}`),
    );
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      if (!request.url().startsWith(origin) && !request.url().startsWith("data:"))
        complaints.push(request.url());
    });
  });

  afterAll(async () => {
    expect(complaints).toEqual([]);
    await browser.close();
    await api.stop();
    await writer.close();
    await engine.stop();
  });

  test("overview: cost, charts and a warning of unpriced calls", async () => {
    await page.goto(`${origin}/`);
    await page.getByTestId("cost-table").waitFor();
    expect(await page.getByTestId("tile-cost").locator("strong").textContent()).toMatch(
      /^\$0\.\d+$/,
    );
    expect(await page.getByTestId("tile-unpriced").textContent()).toContain("missing from cost");
    expect(await page.locator(".plot canvas").count()).toBe(4);
    await page.getByTestId("filter-project").selectOption("support-bot");
    await page.waitForURL(/project=support-bot/);
  });

  test("quality: a mean with its interval, a chart, and the worst answer's reasons as text", async () => {
    await page.goto(`${origin}/#/quality?range=24h`);
    const tile = page.getByTestId("metric-composite");
    await tile.waitFor();
    expect(await tile.textContent()).toMatch(/composite73\.4\d\d?\.\d to \d\d\.\d40 scored/);
    expect(await page.locator(".plot canvas").count()).toBe(1);
    const chart = page.getByTestId("chart-quality");
    // Of 48 half hours the last ones have the scores; how many each has depends on the time.
    const legends = async (): Promise<string> => {
      const { x, y, width, height } = (await chart.locator(".u-over").boundingBox())!;
      let texts = "";
      for (const halfHour of [45, 46, 47]) {
        await page.mouse.move(x + (width * halfHour) / 47 - 2, y + height / 2);
        texts += `${await chart.locator(".legend").textContent()}\n`;
      }
      return texts;
    };
    await expect.poll(legends).toMatch(/mean.*\d\d\.\d.*95 % interval.*\d\d\.\d to \d\d\.\d/);
    const worst = page.getByTestId("worst-table").locator("tbody tr").first();
    expect(await worst.textContent()).toContain(`10.0${HOSTILE}`);
    expect(await page.getByTestId("determinism").textContent()).toContain("Determinism");
    await worst.getByRole("button").click();
    await page.waitForURL(new RegExp(testTraceId(FEATURED)));
    await page.getByTestId("span-row").first().waitFor();
    await page.goto(`${origin}/#/quality?range=24h&project=none`);
    await page.getByTestId("nothing-judged").waitFor();
  });

  test("quality: what people's labels make of a mean, and whether a judge is to be trusted", async () => {
    await page.goto(`${origin}/#/quality?range=24h`);
    const tile = page.getByTestId("metric-faithfulness");
    await tile.waitFor();
    expect(await tile.textContent()).toMatch(/people: \d\d\.\d, \d\d\.\d to \d\d\.\d/);
    const judge = page.getByTestId("judges-table").locator("tbody tr").first();
    expect(await judge.textContent()).toMatch(/weighted kappa 1\.00 .*39 records.*no/);
  });

  test("labels: a reviewer sees a record as text, without the judge's score, and gives one", async () => {
    await page.goto(`${origin}/#/labels`);
    await page.getByTestId("reviewer").fill("bob");
    await page.keyboard.press("Enter");
    const record = page.getByTestId("label-record");
    await record.waitFor();
    expect(await record.textContent()).toContain("you can return it until 6 December");
    expect(await record.textContent()).toContain(HOSTILE);
    expect(await page.getByTestId("scale").textContent()).toContain("5 all of it");
    expect(await page.evaluate(() => "hacked" in globalThis)).toBe(false);
    await page.getByTestId("scale").getByRole("button", { name: "4" }).click();
    await page.getByTestId("no-task").getByText("You gave 1 labels").waitFor();
    const result = await writer.query({
      query: "SELECT score, evaluator, stratum FROM assay.evaluations WHERE evaluator = 'bob'",
      format: "JSONEachRow",
    });
    expect(await result.json()).toEqual([{ score: 4, evaluator: "bob", stratum: "doubtful" }]);
  });

  test("experiments: runs, and two of them compared item by item", async () => {
    await page.goto(`${origin}/#/experiments`);
    const rows = page.getByTestId("runs-table").locator("tbody tr");
    await rows.first().waitFor();
    expect(await rows.last().textContent()).toContain("v2");
    await page.getByLabel("compare v2").check();
    await page.getByLabel("compare v1").check();
    const comparison = page.getByTestId("experiment-comparison");
    await comparison.waitFor();
    expect(await comparison.textContent()).toMatch(/v2 less v1.*composite\+38\.5/);
    expect(await comparison.textContent()).toContain(`${HOSTILE}v2 answer of v2v1 answer of v1`);
  });

  test("costs: why they changed, models side by side, and what another would have cost", async () => {
    await page.goto(`${origin}/#/costs?range=6h`);
    const variance = page.getByTestId("variance");
    await variance.waitFor();
    expect(await variance.locator("tr").count()).toBe(7);
    expect(await variance.locator("tr").last().textContent()).toMatch(/^Change[+−]\$\d/);
    const models = page.getByTestId("models-table");
    expect(await models.textContent()).toContain("gpt-4.1-mini");
    expect(await models.locator("tbody tr").count()).toBe(6);
    await page.getByTestId("ledger").getByText("Sum").waitFor();
    await page.getByTestId("unpriced").getByText("in-house-llama").waitFor();
    await page.getByTestId("answered").getByText("An answered question costs").waitFor();
    await page.getByTestId("review-by").selectOption("provider");
    await page.getByTestId("spenders").getByText("anthropic").waitFor();
    await page.getByTestId("what-if-model").fill("openai/gpt-4.1-nano");
    await page.keyboard.press("Enter");
    await page.getByTestId("what-if").getByText("instead of").waitFor();
    await page.getByTestId("what-if-model").fill("nobody/knows");
    await page.keyboard.press("Enter");
    await page.getByTestId("what-if").getByText("has no price for nobody/knows").waitFor();
  });

  test("checks: what fires, why, and the trace that shows it", async () => {
    await page.goto(`${origin}/#/checks?range=24h`);
    const first = page.getByTestId("checks-table").locator("tbody tr").first();
    await first.waitFor();
    expect(await first.textContent()).toContain("firing");
    expect(await first.textContent()).toContain(`$12.00/h$5.00/h${HOSTILE}`.slice(0, 16));
    expect(await first.textContent()).toContain(HOSTILE);
    await first.getByRole("button", { name: "worst 1" }).click();
    await page.waitForURL(new RegExp(testTraceId(FEATURED)));
    await page.goto(`${origin}/#/checks?project=none`);
    await page.getByTestId("no-checks").waitFor();
  });

  test("incidents: somebody says that they look at one", async () => {
    await page.goto(`${origin}/#/checks?range=24h`);
    const incident = page.getByTestId("incidents").locator("tbody tr").first();
    await incident.waitFor();
    expect(await incident.textContent()).toContain(`cost ${HOSTILE}`);
    await incident.getByLabel("Your name").fill("Ada");
    await incident.getByTestId("acknowledge").click();
    await incident.getByText("Ada").waitFor();
    expect(await page.getByTestId("acknowledge").count()).toBe(0);
  });

  test("an empty range says how to send the first span, or that a filter is too narrow", async () => {
    await page.goto(`${origin}/#/?range=1h&project=none`);
    await page.getByTestId("empty").getByText("Nothing matches").waitFor();
  });

  test("the list leads to the trace by keyboard", async () => {
    await page.goto(`${origin}/#/traces`);
    const first = page.getByTestId("trace-row").first();
    expect(await first.textContent()).toContain("generated sample data");
    await first.getByRole("link").focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(new RegExp(testTraceId(FEATURED)));
    await page.getByTestId("span-row").nth(7).waitFor();
    expect(await page.getByTestId("span-row").count()).toBe(8);
  });

  test("waterfall, documents and messages; markup from strangers stays text", async () => {
    await page.goto(`${origin}/#/traces/${testTraceId(FEATURED)}`);
    await page.getByTestId("span-row").filter({ hasText: "retrieval kb" }).click();
    const documents = page.getByTestId("documents");
    await documents.waitFor();
    expect(await documents.textContent()).toContain(HOSTILE);
    expect(await documents.textContent()).toContain("returns-policy#2");
    expect(await page.evaluate(() => "hacked" in globalThis)).toBe(false);
    await page.getByTestId("span-row").last().click();
    await page.getByTestId("part-output").getByText("you can return it until 6 December").waitFor();
    expect(await page.getByTestId("span-facts").textContent()).toContain("0.004128000000 USD");
    const evaluations = await page.getByTestId("part-evaluations").textContent();
    for (const shown of ["Relevance 0.875", "good", HOSTILE]) expect(evaluations).toContain(shown);
    expect(await page.evaluate(() => "hacked" in globalThis)).toBe(false);
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("upstream did not answer").waitFor();
  });
});
