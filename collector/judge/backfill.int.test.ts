/** A past period judged by request: estimated first, the same sample as traffic's, nothing twice. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createClickHouse } from "@assay/clickhouse";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { runBackfillCommand } from "./backfill-command.ts";
import { startLab, until, type Lab } from "./testing/judge-lab.ts";

let lab: Lab;
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab?.close());
beforeEach(() => lab.begin());
afterEach(() => lab.end());

const fileOf = (rest: number): string => `
providers: { main: { base_url: "${lab.server.url}", max_in_flight: 64 } }
judges: [{ metric: professionalism, provider: main, model: gpt-4o-mini }]
profiles: [{ weights: { professionalism: 1 }, sampling: { rest: ${rest} } }]
settle_seconds: 60`;

async function backfill(rest: number, ...more: string[]): Promise<string> {
  const file = join(lab.dir, "judge.yaml");
  await writeFile(file, fileOf(rest));
  const printed: string[] = [];
  await runBackfillCommand(["--config", file, "--from", "now-1d", ...more], {
    configFile: undefined,
    env: {},
    connect: () => Promise.resolve(createClickHouse(lab.engine.target)),
    print: (line) => printed.push(line),
    now: () => lab.now,
    pauseMs: () => 1,
  });
  return printed.join("\n");
}
const scored = (): Promise<Record<string, unknown>[]> => lab.scores("role = 'cheap'");

test("without --yes the cost is told and nothing is sent; with it what is drawn is judged, once", async () => {
  await lab.insertTraces(Array.from({ length: 100 }, () => ({})));
  const told = await backfill(0.4);
  expect(told).toMatch(/^100 records that no judge has decided on yet; (\d+) are drawn/);
  expect(told).toMatch(
    /\d+ calls, about \d+ input tokens and at most \d+ output tokens: up to about 0\.0\d+ USD/,
  );
  expect(told).toContain("Nothing was sent");
  expect(lab.server.requests).toHaveLength(0);
  const done = await backfill(0.4, "--yes");
  const drawn = Number(/; (\d+) are drawn/.exec(told)![1]);
  expect(drawn).toBeGreaterThan(20);
  expect(done).toContain(`Judgements: ${drawn} ok`);
  const rows = await scored();
  expect(rows).toHaveLength(drawn);
  expect(
    rows.every((row) => row["inclusion_probability"] === 0.4 && row["purpose"] === "traffic"),
  ).toBe(true);
  const asked = lab.server.requests.length;
  expect(await backfill(0.4, "--yes")).toContain("0 records that no judge has decided on yet");
  expect(lab.server.requests.length).toBe(asked);
  // Counted once, as what the scores stand for.
  expect(await lab.rows("SELECT toInt32(sum(records)) AS n FROM assay.traffic_1h")).toEqual([
    { n: 100 },
  ]);
  expect(await lab.rows("SELECT toInt32(count()) AS n FROM assay.judge_decisions")).toEqual([
    { n: 100 },
  ]);
});

test("more of a period that was judged: the sample grows, and all of it has the new probability", async () => {
  const worker = await lab.started(lab.parse(fileOf(0.3).split("\n").slice(2, -1).join("\n")));
  await lab.insertTraces(Array.from({ length: 100 }, () => ({})));
  const first = await until(
    () => worker.stats(),
    ({ records }) => (records.get("chosen") ?? 0) + (records.get("not_chosen") ?? 0) === 100,
  );
  await until(scored, (rows) => rows.length === first.records.get("chosen"));
  await worker.stop();
  const before = await scored();
  await backfill(0.7, "--yes");
  const after = await scored();
  expect(after.length).toBeGreaterThan(before.length + 15);
  const ids = new Set(after.map((row) => row["trace_id"]));
  expect(before.every((row) => ids.has(row["trace_id"]))).toBe(true);
  for (const row of after) expect(row["inclusion_probability"]).toBeCloseTo(0.7, 12);
  expect(lab.server.requests).toHaveLength(after.length);
  expect(await lab.rows("SELECT toInt32(sum(records)) AS n FROM assay.traffic_1h")).toEqual([
    { n: 100 },
  ]);
});

test.each([
  [["--from", "yesterday"], "--from: expected RFC 3339 or like now-7d"],
  [["--from", "now-1d", "--max-usd", "0"], "--max-usd: expected an amount above 0"],
  [["--form", "now-1d"], "judge backfill --from TIME"],
  [[], "expected --config FILE, or ASSAY_JUDGE"],
])("%j is refused", async (args, problem) => {
  const file = join(lab.dir, "judge.yaml");
  await writeFile(file, fileOf(1));
  const options = {
    env: {},
    connect: () => Promise.reject(new Error("connected")),
    print: () => {},
  };
  const configFile = args.length > 0 ? file : undefined;
  await expect(runBackfillCommand(args, { configFile, ...options })).rejects.toThrow(problem);
});
