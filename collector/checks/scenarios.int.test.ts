/** Every shipped check against data that must make it fire, must not, and must end it, on the real engine with a moved clock. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseChecksConfig } from "./config.ts";
import { Evaluator } from "./evaluator.ts";
import type { CheckResult } from "./results.ts";
import { MINUTES } from "./scenario-rows.ts";
import { SCENARIOS, writeScenarios } from "./scenarios.ts";

const NOON = Math.floor(Date.now() / 86_400_000) * 86_400 - 86_400 * 2 + 43_200;
/** Budgets have no default; here one project has one. */
const OWN = `
checks:
  spend-burn: { where: { project: [budgeted] }, test: { monthly_usd: 100 } }
  spend-forecast: { where: { project: [budgeted] }, test: { monthly_usd: 100 } }
`;
const { checks } = parseChecksConfig(OWN, {}, "test");
const FIRST_HOUR = 60;
const COARSE = 5;
let engine: TestEngine;
let client: ClickHouseClient;
const rows: CheckResult[] = [];
const problems: string[] = [];

beforeAll(async () => {
  engine = await withEngine();
  client = createClickHouse(engine.target);
  await migrate(client, { log: () => {} });
  await writeScenarios(client, NOON);
  let nowMs = (NOON - 600) * 1_000;
  const make = (every = 60): Evaluator =>
    new Evaluator({
      client,
      checks: checks.map((check) => ({ ...check, every: Math.max(check.every, every) })),
      now: () => nowMs,
      log: (_level, message) => void problems.push(message),
      onResults: async (found) => void rows.push(...found),
      // After the last start nothing reads what stands in the store.
      ...(every > 60 && { write: async () => {} }),
    });
  let evaluator = make();
  await evaluator.load();
  for (let minute = -9; minute <= MINUTES; minute += minute < FIRST_HOUR ? 1 : COARSE) {
    // Not on the second: clocks never are.
    nowMs = (NOON + minute * 60) * 1_000 + 590;
    await evaluator.runDue();
    // A restart in the middle goes on where it was; in later hours it is looked at every five minutes.
    if (minute === 40 || minute === FIRST_HOUR) {
      evaluator = make(minute === FIRST_HOUR ? COARSE * 60 : undefined);
      await evaluator.load();
    }
  }
}, 600_000);

afterAll(async () => {
  await client.close();
  await engine.stop();
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
  const { traffic = [], scores = [] } = SCENARIOS[project]!;
  const starts = [...traffic, ...scores.slice(1)].map(({ from }) => from);
  return starts.length === 0 ? -1 : Math.min(...starts);
}

test("nothing failed on the way", () => {
  expect(problems).toEqual([]);
});

test("every shipped check has a scenario that makes it fire", () => {
  const fired = new Set(Object.values(SCENARIOS).flatMap(({ fires = {} }) => Object.keys(fires)));
  expect(checks.map(({ name }) => name).filter((name) => !fired.has(name))).toEqual([]);
});

describe.each(Object.entries(SCENARIOS))("%s", (project, scenario) => {
  const { fires = {}, resolves = [], muted = [], quiet = [] } = scenario;
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
  const silent = quiet === true ? checks.map(({ name }) => name) : quiet;
  test.each(silent.map((check) => [check]))("%s does not fire", (check) => {
    const found = of(project, check).find((row) => row.state === "firing");
    expect(found?.reason).toBeUndefined();
  });
});
