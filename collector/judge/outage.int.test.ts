/** Providers that go away, processes that die, configurations that change: nothing lost, nothing doubled. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { startLab, until, type Lab } from "./testing/judge-lab.ts";

let lab: Lab;
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab?.close());
beforeEach(() => lab.begin());
afterEach(() => lab.end());

const HOUR = 3_600_000;
const config = (more = "") =>
  lab.parse(`
judges: [{ metric: professionalism, provider: main, model: gpt-4o-mini, timeout_ms: 1000 }]
profiles: [{ weights: { professionalism: 1 }, sampling: { rest: 1 } }]
${more}`);
const judged = (n: number, where = "name = 'professionalism'") =>
  until(
    () => lab.scores(where),
    (found) => found.length === n,
  );
const chosen = async (): Promise<number> =>
  (
    await lab.rows<{ n: number }>(
      "SELECT toInt32(sum(records)) AS n FROM assay.traffic_1h WHERE reason = 'chosen'",
    )
  )[0]!.n;
const rowsStored = async (): Promise<number> =>
  (await lab.rows<{ n: number }>("SELECT toInt32(count()) AS n FROM assay.evaluations"))[0]!.n;

test("an hour without the provider: all is judged when it is back; after two days it is given up as expired", async () => {
  let isAway = true;
  lab.reply = () => (isAway ? { status: 503 } : { score: 4 });
  const worker = await lab.started(config());
  await lab.insertTraces(Array.from({ length: 12 }, () => ({})));
  await until(
    () => worker.stats().providers[0]!.gate.closed,
    (closed) => closed !== undefined,
  );
  lab.now += HOUR;
  await lab.insertTraces(Array.from({ length: 8 }, () => ({})));
  // What comes meanwhile is chosen from, so that checks see what is not judged.
  await until(chosen, (count) => count === 20);
  expect(await lab.scores()).toEqual([]);
  expect(worker.stats().lagMs).toBeGreaterThan(HOUR);
  isAway = false;
  await judged(20, "name = 'professionalism' AND status = 'ok'");
  await until(
    () => worker.stats().lagMs,
    (lag) => lag === 0,
  );
  isAway = true;
  await lab.insertTraces(Array.from({ length: 3 }, () => ({})));
  await until(
    () => worker.stats().providers[0]!.gate.closed,
    (closed) => closed !== undefined,
  );
  lab.now += 49 * HOUR;
  const expired = await judged(3, "status = 'failed'");
  expect(expired.map(({ error_type, norm }) => [error_type, norm])).toEqual(
    Array.from({ length: 3 }, () => ["expired", null]),
  );
  expect(await rowsStored()).toBe(20 * 2 + 3);
});

test("limits of rate: fewer calls at once, all judged, none counted as failed", async () => {
  let open = 0;
  lab.reply = async () => {
    if (++open > 8) {
      open--;
      return { status: 429, headers: { "retry-after": "0.02" } };
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    open--;
    return { score: 4 };
  };
  const worker = await lab.started(config());
  await lab.insertTraces(Array.from({ length: 100 }, () => ({})));
  await judged(100, "name = 'professionalism' AND (status = 'ok' OR error_type = 'rate_limit')");
  expect(worker.stats().providers[0]!.gate.limit).toBeLessThan(40);
  const failed = worker.stats().failures.get("rate_limit") ?? 0;
  expect(failed).toBeLessThan(20);
  expect(await lab.scores("status = 'failed' AND norm IS NOT NULL")).toEqual([]);
});

test("a key that was wrong: the changed configuration is taken up at once, and the window judged under it", async () => {
  lab.reply = ({ headers }) =>
    headers.authorization === "Bearer right"
      ? { score: 4 }
      : { status: 401, error: { code: "invalid_api_key", message: "who?" } };
  const withKey = (apiKey: string) => {
    const read = config();
    return {
      ...read,
      providers: read.providers.map((provider) => ({ ...provider, apiKey })),
      profiles: read.profiles,
    };
  };
  const worker = await lab.started(withKey("wrong"));
  await lab.insertTraces(Array.from({ length: 5 }, () => ({})));
  await until(
    () => worker.stats().providers[0]!.gate.closed,
    (closed) => closed !== undefined,
  );
  worker.reconfigure(withKey("right"));
  await judged(5, "name = 'professionalism' AND status = 'ok'");
  const traffic = await lab.rows<{ n: number }>(
    "SELECT toInt32(sum(records)) AS n FROM assay.traffic_1h",
  );
  expect(traffic).toEqual([{ n: 5 }]);
});

test("another rule from the next window on, with its probability on each score", async () => {
  const worker = await lab.started(config());
  await lab.insertTraces(Array.from({ length: 20 }, () => ({})));
  await judged(20);
  const next = config();
  worker.reconfigure({ ...next, profiles: next.profiles.map((one) => ({ ...one, rest: 0.5 })) });
  await lab.insertTraces(Array.from({ length: 60 }, () => ({})));
  await until(
    () => worker.stats().records.get("not_chosen") ?? 0,
    (count) => count > 0,
  );
  const chosen = worker.stats().records.get("chosen")!;
  const rows = await judged(chosen);
  expect(rows.filter((row) => row["inclusion_probability"] === 1)).toHaveLength(20);
  expect(rows.filter((row) => row["inclusion_probability"] === 0.5)).toHaveLength(chosen - 20);
});

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** The same judge in a process of its own, which can be killed. */
function judgeProcess(): ChildProcess {
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(new URL("testing/judge-process.ts", import.meta.url)),
      JSON.stringify({
        target: lab.engine.target,
        server: lab.server.url,
        dir: lab.dir,
        now: lab.now,
      }),
    ],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  children.push(child);
  return child;
}

test("kill -9 between answer and insert, again and again: every record once", async () => {
  const RECORDS = 40;
  // The judge begins before what it is to judge has settled.
  const first = judgeProcess();
  await lab.hasBegun();
  first.kill("SIGKILL");
  await once(first, "exit");
  let answered = 0;
  let victim: ChildProcess | undefined;
  // As soon as the answer is out, and before it can be stored.
  lab.reply = () => {
    if (victim && ++answered % 7 === 0) setImmediate(() => victim?.kill("SIGKILL"));
    return { score: 4 };
  };
  await lab.insertTraces(Array.from({ length: RECORDS }, () => ({})));
  for (let kills = 0; kills < 3; kills++) {
    victim = judgeProcess();
    await once(victim, "exit");
  }
  victim = undefined;
  judgeProcess();
  const rows = await judged(RECORDS, "name = 'composite'");
  expect(new Set(rows.map(({ trace_id }) => trace_id)).size).toBe(RECORDS);
  expect(await lab.scores()).toHaveLength(RECORDS * 2);
  const traffic = await lab.rows<{ n: number }>(
    "SELECT toInt32(sum(records)) AS n FROM assay.traffic_1h",
  );
  expect(traffic).toEqual([{ n: RECORDS }]);
});
