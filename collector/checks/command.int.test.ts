import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runChecksCommand } from "./command.ts";
import { parseChecksConfig } from "./config.ts";
import { writeScenarios } from "./scenarios.ts";

const NOON = Math.floor(Date.now() / 86_400_000) * 86_400 - 86_400 * 2 + 43_200;
let engine: TestEngine;

beforeAll(async () => {
  engine = await withEngine();
  const client = createClickHouse(engine.target);
  await migrate(client, { log: () => {} });
  await writeScenarios(client, NOON, ["dearer", "steady"]);
  await client.close();
}, 60_000);
afterAll(() => engine.stop());

async function run(...args: string[]): Promise<string[]> {
  const printed: string[] = [];
  await runChecksCommand(args, {
    config: parseChecksConfig("", {}, "test"),
    connect: async () => createClickHouse(engine.readerTarget),
    print: (line) => void printed.push(line),
  });
  return printed;
}

test("test: says when a check would have fired, and writes nothing", async () => {
  const at = (minutes: number): string => new Date((NOON + minutes * 60) * 1_000).toISOString();
  const printed = await run("test", "--from", at(-10), "--to", at(180), "--check", "cost-spike");
  expect(printed).toHaveLength(2);
  expect(printed[0]).toMatch(
    /T12:\d\dZ  page    cost-spike  dearer  until \S+T14:\d\dZ: cost is \$/,
  );
  expect(printed[1]).toMatch(/^1 checks over .* 1 alerts\.$/);
  const client = createClickHouse(engine.target);
  const result = await client.query({
    query: "SELECT count() AS n FROM assay.check_results",
    format: "JSONEachRow",
  });
  expect(await result.json()).toEqual([{ n: 0 }]);
  await client.close();
}, 60_000);

test("list: every check, and that nobody is told", async () => {
  const printed = await run("list");
  expect(printed.find((line) => line.startsWith("cost-spike"))).toMatch(
    /page\s+1m\s+Much more is spent/,
  );
  expect(printed.at(-1)).toContain("Nobody is told");
});

test.each([
  [["test"], "--from: expected RFC 3339"],
  [["test", "--from", "now-1h", "--to", "now-2h"], "expected --from before --to"],
  [["test", "--from", "now-400d"], "up to 31 days"],
  [["test", "--from", "now-1h", "--check", "nope"], 'got "nope"'],
  [["run"], "expected: checks list"],
])("%j is refused with what was expected", async (args, message) => {
  await expect(run(...args)).rejects.toThrow(message);
});
