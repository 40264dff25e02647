import { expect, test } from "vitest";
import { healthOf, type HealthSources } from "./health.ts";
import { watchEngine } from "./engine.ts";

const log = (failed: string | undefined) => ({ failed }) as NonNullable<HealthSources["log"]>;
const insert = (blocked: string | undefined) =>
  ({ blocked }) as NonNullable<HealthSources["insert"]>;
const engine = (unreachableSinceUnixMs: number | undefined, problem?: string) => ({
  unreachableSinceUnixMs,
  problem,
  restarts: 0,
});

test.each<[name: string, sources: HealthSources, problems: string[]]>([
  ["nothing there yet", {}, []],
  ["all well", { log: log(undefined), insert: insert(undefined), engine: engine(undefined) }, []],
  ["engine away for 30 s", { engine: engine(70_000) }, []],
  [
    "engine away for longer",
    { engine: engine(60_000, "connection refused") },
    ["ClickHouse has not answered for 40 s: connection refused"],
  ],
  [
    "everything wrong",
    { log: log("EIO on sync"), insert: insert("schema is newer"), engine: engine(1) },
    [
      "the log takes nothing any more: EIO on sync",
      "inserting waits: schema is newer",
      "ClickHouse has not answered for 99 s",
    ],
  ],
])("%s", (_, sources, problems) => {
  const status = problems.length === 0 ? "ok" : "failing";
  expect(healthOf(sources, 100_000)).toEqual({ status, problems });
});

test("the engine counts as away from the first failed ping to the next answer", async () => {
  let clock = 0;
  const pings: PromiseWithResolvers<void>[] = [];
  let arrived = Promise.withResolvers<void>();
  const nextPing = async (): Promise<PromiseWithResolvers<void>> => {
    await arrived.promise;
    arrived = Promise.withResolvers();
    return pings.at(-1)!;
  };
  const watch = watchEngine({
    ping: () => {
      const ping = Promise.withResolvers<void>();
      pings.push(ping);
      arrived.resolve();
      return ping.promise;
    },
    restarts: () => 3,
    intervalMs: 1,
    now: () => (clock += 10),
  });
  expect(watch.stats()).toEqual({ unreachableSinceUnixMs: 10, problem: undefined, restarts: 3 });
  (await nextPing()).resolve();
  let ping = await nextPing();
  expect(watch.stats().unreachableSinceUnixMs).toBeUndefined();
  ping.reject(new Error("refused"));
  ping = await nextPing();
  expect(watch.stats()).toMatchObject({ unreachableSinceUnixMs: 20, problem: "refused" });
  ping.reject(new Error("still refused"));
  ping = await nextPing();
  expect(watch.stats()).toMatchObject({ unreachableSinceUnixMs: 20, problem: "still refused" });
  watch.stop();
  ping.resolve();
});
