/**
 * Every shipped check against data that must make it fire, must not, and must end it: the spans of the scenarios' day and of weeks
 * before, and the scores of judges, go over OTLP through a real collector into the real engine. It chooses what it would have
 * judged, by a judge that is not there; the evaluator's clock is moved through the day.
 */
import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse } from "@assay/clickhouse";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { embeddedTarget } from "../../clickhouse/client.ts";
import { runChecksCommand } from "../../collector/checks/command.ts";
import type { Check } from "../../collector/checks/definition.ts";
import { parseChecksConfig } from "../../collector/checks/config.ts";
import { Evaluator } from "../../collector/checks/evaluator.ts";
import { type CheckResult, writeResults } from "../../collector/checks/results.ts";
import { scoreRequestsOf } from "../../collector/checks/scenario-scores.ts";
import { requestsOf } from "../../collector/checks/scenario-spans.ts";
import {
  LATER,
  MINUTES,
  type Scenario,
  SCENARIOS,
  USD_PER_TOKEN,
} from "../../collector/checks/scenarios.ts";
import { CHECK_RULES, type Rule } from "../../grafana/rules.ts";
import { sentSql } from "../../grafana/testing-sql.ts";
import {
  assayEnv,
  MOVED_CLOCK,
  removeData,
  type RunningAssay,
  startAssay,
  until,
} from "../processes.ts";

/** Of the last 20th that is two days ago or more: the middle of a month, whatever day it is. */
const NOON = ((): number => {
  const date = new Date(Date.now() - 2 * 86_400_000);
  const month = date.getUTCMonth() - (date.getUTCDate() < 21 ? 1 : 0);
  return Date.UTC(date.getUTCFullYear(), month, 20, 12) / 1_000;
})();
const DAYS_OF_MONTH = ((date: Date) =>
  new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate())(
  new Date(NOON * 1_000),
);
/**
 * Ten hours of the month at $12, those of the week before, and two and a quarter of the day itself: $7.52 a day at one o'clock,
 * less and less then.
 */
const MONTHLY_USD = 7.4 * DAYS_OF_MONTH;
const OWN = `
checks:
  spend-burn: { where: { project: [budgeted] }, test: { monthly_usd: ${MONTHLY_USD} } }
  spend-forecast: { where: { project: [budgeted] }, test: { monthly_usd: ${MONTHLY_USD} } }
`;
const PRICED = ["m", "n", "m-2"];
const PRICES = `prices:\n${PRICED.map((model) => `  - { model: ${model}, usd_per_million: { input: ${USD_PER_TOKEN.input * 1e6}, output: ${USD_PER_TOKEN.output * 1e6} } }`).join("\n")}\n`;

/** All that has a text is to be judged, and nobody is there to do it. */
const JUDGE = `
providers: { away: { base_url: "http://127.0.0.1:9" } }
settle_seconds: 1
judges: [{ metric: professionalism, provider: away, model: none }]
profiles: [{ weights: { professionalism: 1 }, sampling: { rest: 1 } }]
`;

const { checks } = parseChecksConfig(OWN, {}, "test");
const NAMES = checks.map(({ name }) => name);
/** Minutes from noon, and how far apart they are looked at: closely where scenarios begin. */
const PHASES: readonly { from: number; to: number; every: number }[] = [
  { from: -9, to: 18, every: 1 },
  // After each phase the evaluator is started anew and goes on where it was.
  { from: 19, to: 30, every: 1 },
  { from: 35, to: 60, every: 5 },
  { from: 75, to: MINUTES, every: 15 },
];
/** From then on only what looks at hours and days. */
const SLOW = { every: 6 * 60 };
let dir: string;
let assay: RunningAssay | undefined;
let client: ClickHouseClient;
const rows: CheckResult[] = [];
const problems: string[] = [];

function addressOf({ clickhouse }: RunningAssay): { host: string; port: number } {
  const { hostname, port } = new URL(clickhouse);
  return { host: hostname, port: Number(port) };
}

async function send(signal: "traces" | "logs", body: string): Promise<void> {
  const response = await fetch(`${assay!.otlp}/v1/${signal}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  expect([response.status, await response.text()]).toEqual([200, "{}"]);
}

/** While one request is answered the next one is made. */
async function sendAll(): Promise<{ spans: number; scores: number; chosen: number }> {
  const sent = { spans: 0, scores: 0, chosen: 0 };
  let answered: Promise<void> = Promise.resolve();
  const sendNext = async (signal: "traces" | "logs", body: string): Promise<void> => {
    await answered;
    answered = send(signal, body);
  };
  for (const [project, scenario] of Object.entries(SCENARIOS)) {
    for (const request of requestsOf(project, scenario, NOON)) {
      await sendNext("traces", request.body);
      sent.spans += request.spans;
      sent.chosen += request.chosen;
    }
    for (const request of scoreRequestsOf(project, scenario, NOON)) {
      await sendNext("logs", request.body);
      sent.scores += request.scores;
    }
  }
  await answered;
  return sent;
}

/** @param what a table, and what else there is to say */
async function count(what: string): Promise<number> {
  const query = `SELECT count() AS n FROM ${what}`;
  const result = await client.query({ query, format: "JSONEachRow" });
  return Number((await result.json<{ n: number }>())[0]!.n);
}

let nowMs = 0;

/** Those that are muted stand beside those that mute them; the others are evaluated at the same time. */
const ABOUT_SCORES = new Set(["quality", "judge"]);
const GROUPS = [true, false].map((isAboutScores) =>
  checks.filter(({ measure }) => ABOUT_SCORES.has(measure.subject) === isAboutScores),
);

let unwritten: CheckResult[] = [];
async function writeUnwritten(): Promise<void> {
  await writeResults(client, unwritten);
  unwritten = [];
}

/** One that goes on where the store's rows end. @param every minutes */
async function startEvaluator(which: readonly Check[], every: number): Promise<Evaluator> {
  const evaluator = new Evaluator({
    client,
    checks: which.map((check) => ({ ...check, every: Math.max(check.every, every * 60) })),
    now: () => nowMs,
    log: (_level, message) => void problems.push(message),
    // All of a phase in one insert: each is synced, and takes longer than the evaluation.
    write: async (found) => void unwritten.push(...found),
    onResults: async (found) => void rows.push(...found),
  });
  await evaluator.load();
  return evaluator;
}

/** Not on the second: clocks never are. */
const setMinute = (minute: number): number => (nowMs = (NOON + minute * 60) * 1_000 + 590);

async function evaluateTheDay(): Promise<void> {
  for (const { from, to, every } of PHASES) {
    setMinute(from - 1);
    const evaluators = await Promise.all(GROUPS.map((group) => startEvaluator(group, every)));
    for (let minute = from; minute <= to; minute += every) {
      setMinute(minute);
      await Promise.all(evaluators.map((evaluator) => evaluator.runDue()));
    }
    await writeUnwritten();
  }
  const slow = checks.filter(({ every }) => every >= 3_600);
  const evaluator = await startEvaluator(slow, SLOW.every);
  for (let minute = MINUTES; minute <= LATER; minute += SLOW.every) {
    setMinute(minute);
    await evaluator.runDue();
  }
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "assay-scenarios-"));
  await writeFile(join(dir, "prices.yaml"), PRICES);
  await writeFile(join(dir, "judge.yaml"), JUDGE);
  assay = await startAssay(
    "collector",
    await assayEnv({
      ASSAY_CHECKS: "off",
      ASSAY_JUDGE: join(dir, "judge.yaml"),
      ASSAY_PRICES: join(dir, "prices.yaml"),
      ASSAY_MAX_SPAN_AGE_DAYS: "120",
      ASSAY_RETENTION_DAYS: "llm_1m=200,content=200,judge_decisions=200",
      // It lives when the last of it has happened: what is said to be later is not believed, what is much older not judged.
      MOVED_CLOCK_MS: String((NOON + LATER * 60) * 1_000 - Date.now()),
    }),
    ["--import", MOVED_CLOCK],
  );
  const { dataDir } = assay;
  // It takes spans before the store is up.
  client = createClickHouse(
    await until(
      () => embeddedTarget(dataDir, addressOf(assay!), "writer"),
      () => true,
    ),
  );
  // From then on what comes is chosen from.
  await until(
    () => access(join(dataDir, "judge", "position.json")),
    () => true,
  );
  const sent = await sendAll();
  await until(
    async () => ({
      spans: await count("spans"),
      scores: await count("evaluations"),
      chosen: await count("judge_decisions WHERE reason = 'chosen'"),
    }),
    (found) => isDeepStrictEqual(found, sent),
    120_000,
  );
  await evaluateTheDay();
}, 600_000);

afterAll(async () => {
  await client?.close();
  if (!assay) return;
  await assay.stop();
  await removeData(assay.env);
  await rm(dir, { recursive: true });
});

function of(project: string, check: string): CheckResult[] {
  return rows.filter((row) => row.project === project && row.check_name === check);
}

/** Minutes from noon at which it was known that it fires. */
function firstFiring(project: string, check: string): number | undefined {
  const first = of(project, check).find((row) => row.state === "firing");
  return first && (first.evaluated_at / 1_000 - NOON) / 60;
}

/** The minute at which a project goes its own way. */
function begins(project: string): number {
  const { traffic = [], scores = [], traces = [], answers = [] } = SCENARIOS[project]!;
  const starts = [...traffic, ...scores.slice(1), ...traces].map(({ from }) => from);
  return Math.min(...starts, ...answers.map(({ at }) => at));
}

test("nothing failed on the way", () => {
  expect(problems).toEqual([]);
});

describe.each(Object.entries(SCENARIOS))("%s", (project, scenario) => {
  const { fires = {}, resolves = [], muted = [] } = scenario;
  test.each(Object.entries(fires))("%s fires within %i minutes", (check, by) => {
    const at = firstFiring(project, check);
    expect(at, of(project, check).at(-1)?.reason).toBeDefined();
    if (begins(project) >= 0) expect(at).toBeGreaterThanOrEqual(0);
    expect(at).toBeLessThanOrEqual(by);
  });
  test.each(resolves.map((check) => [check]))("%s is over at the end", (check) => {
    const last = of(project, check).at(-1);
    expect(last?.state, last?.reason).toBe("ok");
  });
  test.each(muted.map((check) => [check]))("%s is held back", (check) => {
    expect(of(project, check).map(({ state }) => state)).toContain("muted");
  });
  const silent = NAMES.filter((name) => mustBeSilent(scenario, name));
  test.each(silent.map((check) => [check]))("%s does not fire", (check) => {
    const found = of(project, check).find((row) => row.state === "firing");
    expect(found?.reason).toBeUndefined();
  });
});

/** Projects for which a rule of Grafana's fires at this time, in unix milliseconds. */
async function firingProjects({ sql, above, seconds }: Rule, atMs: number): Promise<string[]> {
  const toS = Math.ceil(atMs / 1_000);
  const query = sentSql(sql, { fromS: toS - seconds, toS });
  const result = await client.query({ query, format: "JSONEachRow" });
  const found = await result.json<{ project: string; value: number }>();
  return found.filter(({ value }) => value > above).map(({ project }) => project);
}

describe("alert rules over these results", () => {
  const all = Object.entries(SCENARIOS);
  test.each(CHECK_RULES)("$uid", async (rule) => {
    const check = rule.title;
    const projects = all.flatMap(([name, { fires = {} }]) => (check in fires ? [name] : []));
    for (const project of projects) {
      const first = of(project, check).find(({ state }) => state === "firing")!;
      expect(await firingProjects(rule, first.evaluated_at)).toContain(project);
    }
    const newest = rows.filter((row) => row.check_name === check).at(-1)!;
    const atTheEnd = await firingProjects(rule, newest.evaluated_at);
    const over = all.flatMap(([name, { resolves = [] }]) => (resolves.includes(check) ? [name] : []));
    const silent = all.flatMap(([name, scenario]) => (mustBeSilent(scenario, check) ? [name] : []));
    expect(atTheEnd.filter((project) => over.includes(project) || silent.includes(project))).toEqual([]);
  });
}); // prettier-ignore

function mustBeSilent({ fires = {}, quiet = [] }: Scenario, check: string): boolean {
  return quiet === true ? !(check in fires) : quiet.includes(check);
}

test("a replay says when a check would have fired, and writes nothing", async () => {
  const at = (minutes: number): string => new Date((NOON + minutes * 60) * 1_000).toISOString();
  const before = await count("check_results");
  const printed: string[] = [];
  await runChecksCommand(
    ["test", "--from", at(-10), "--to", at(180), "--check", "cost-spike"],
    {
      config: parseChecksConfig("checks: { cost-spike: { where: { project: [dearer, steady] } } }", {}, "test"),
      connect: async () => createClickHouse(await embeddedTarget(assay!.dataDir, addressOf(assay!), "reader")),
      print: (line) => void printed.push(line),
    },
  ); // prettier-ignore
  expect(printed).toHaveLength(2);
  expect(printed[0]).toMatch(
    /T12:\d\dZ  page    cost-spike  dearer  until \S+T14:\d\dZ: cost is \$/,
  );
  expect(printed[1]).toMatch(/^1 checks over .* 1 alerts\.$/);
  expect(await count("check_results")).toBe(before);
});
