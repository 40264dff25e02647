/** Canaries and sentinels over the real engine and real HTTP; the clock is the test's. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { startLab, until, type Lab } from "../testing/judge-lab.ts";
import { Canaries } from "./canaries.ts";

let lab: Lab;
const running: Canaries[] = [];
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab?.close());
beforeEach(() => lab.begin());
afterEach(async () => {
  await Promise.all(running.splice(0).map((canaries) => canaries.stop()));
  await lab.end();
});

async function config(more = "") {
  const lines = (file: string, all: readonly object[]): Promise<void> =>
    writeFile(join(lab.dir, file), all.map((one) => JSON.stringify(one)).join("\n"));
  await lines("canaries.jsonl", [
    { name: "capital", question: "Capital of France?", answer: "Paris.", reference: "Paris" },
    { question: "Two and two?", system: "Be brief." },
  ]);
  await lines("sentinels.jsonl", [
    {
      name: "a good one",
      metric: "answer_relevance",
      question: "Why?",
      answer: "Because it rains.",
      norm: 1,
    },
    { metric: "answer_relevance", question: "Why?", answer: "Hm.", norm: 0 },
  ]);
  return lab.parse(`
judges: [{ metric: answer_relevance, provider: main, model: gpt-4o-mini }]
profiles: [{ weights: { answer_relevance: 1 }, sampling: { rest: 1 } }]
canaries:
  file: canaries.jsonl
  sentinels: sentinels.jsonl
  targets: [{ provider: main, model: gpt-4o-mini, seed: 7 }]
  runs: 3
  ${more}`);
}

async function start(more?: string): Promise<Canaries> {
  const canaries = new Canaries({
    config: await config(more), client: lab.client, log: () => {}, now: () => lab.now, everyMs: 20, pauseMs: () => 1 }); // prettier-ignore
  running.push(canaries);
  canaries.start();
  return canaries;
}
const answers = (n: number) =>
  until(
    () =>
      lab.rows<Record<string, unknown>>(
        "SELECT * FROM assay.canary_answers ORDER BY round, canary, run",
      ),
    (found) => found.length === n,
  );

test("each canary so often a round, once; a restart goes on; the next round is another", async () => {
  let said = 0;
  lab.reply = ({ metric, attempt }) =>
    metric === ""
      ? { text: ++said % 3 === 0 ? "PARIS. " : "Paris." }
      : { score: attempt === 1 ? 5 : 1 };
  const first = await start("judged: true");
  const rows = await answers(6);
  expect(rows[0]).toMatchObject({
    project: "canaries", target: "main/gpt-4o-mini", canary: "capital", run: 0, status: "ok", matches: true,
    served_model: "gpt-4o-mini-2026", fingerprint: "fp_1", input_tokens: 100,
  }); // prettier-ignore
  expect(rows.map(({ matches }) => matches)).toEqual([true, true, true, null, null, null]);
  expect(new Set(rows.map((row) => row["request_hash"])).size).toBe(2);
  expect(Number(rows[0]!["cost"])).toBeCloseTo(0.000045, 12);
  const sentinels = await until(
    () => lab.scores("purpose = 'sentinel'"),
    (found) => found.length === 2,
  );
  expect(sentinels.map((row) => row["attributes"])).toContainEqual({
    sentinel: "a good one",
    pinned: "1",
  });
  // The answers are judged, and are no traffic.
  await until(
    () => lab.scores("purpose = 'canary' AND role = 'cheap'"),
    (found) => found.length === 6,
  );
  expect(await lab.scores("purpose = 'traffic'")).toEqual([]);
  await first.stop();
  const asked = lab.server.requests.length;
  const second = await start("judged: true");
  // What was spent before the restart is known.
  await until(
    () => second.stats().budget.spentUsd,
    (usd) => usd > 0,
  );
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(lab.server.requests.length).toBe(asked);
  lab.now += 24 * 3_600_000;
  const again = await answers(12);
  expect(new Set(again.map((row) => row["round"])).size).toBe(2);
});

test("within its money, plus a call each; what there was no money for is noted", async () => {
  lab.reply = ({ metric }) => (metric === "" ? { text: "Paris." } : { score: 5 });
  const canaries = await start("usd_per_day: 0.0001");
  const rows = await answers(6);
  const paid = rows.filter(({ status }) => status === "ok");
  expect(paid.length).toBeGreaterThan(1);
  expect(paid.length).toBeLessThan(6);
  expect(rows.filter(({ status }) => status === "budget")).toHaveLength(6 - paid.length);
  await until(
    () => canaries.stats().sentinels,
    (count) => count === 2,
  );
  expect(canaries.stats().budget.spentUsd).toBeLessThanOrEqual(0.0001 + 2 * 0.000045);
});

test("a canary's reference is one for traffic that asks the same", async () => {
  lab.reply = ({ metric }) => (metric === "" ? { text: "Paris." } : { score: 5 });
  const read = await config();
  await lab.started(read);
  await lab.insertTraces([{ question: "capital of  FRANCE?" }]);
  const [row] = await until(
    () => lab.scores("role = 'cheap'"),
    (found) => found.length === 1,
  );
  expect(row).toMatchObject({ reference: "canary" });
});

test("files with problems are named by their lines", async () => {
  await config();
  await writeFile(join(lab.dir, "canaries.jsonl"), '{"question": ""}\n{"question": "a"}\nno JSON');
  await writeFile(
    join(lab.dir, "sentinels.jsonl"),
    '{"metric": "kindness", "answer": "a", "norm": 1}',
  );
  const read = () =>
    lab.parse(`
judges: [{ metric: answer_relevance, provider: main, model: gpt-4o-mini }]
profiles: [{ projects: [p], weights: { answer_relevance: 1 } }]
canaries: { file: canaries.jsonl, sentinels: sentinels.jsonl, judged: true }`);
  for (const part of [
    "canaries.file, line 1: expected",
    "canaries.file, line 3: expected",
    'canaries.sentinels, line 1: "kindness" has no judge',
    "canaries.targets: expected at least one",
    'canaries.judged: expected a profile for project "canaries"',
  ])
    expect(read).toThrow(part);
});
