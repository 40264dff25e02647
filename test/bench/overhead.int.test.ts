/** The short form of `bench:overhead -- --heap`: the heap does not grow with the calls, and our export never holds the loop for long. */
import { expect, test } from "vitest";
import { hasOverheadPackages, startOverheadChild } from "./overhead-child.ts";

const CALLS = Number(process.env["OVERHEAD_CALLS"] ?? 6_000);

test.skipIf(!hasOverheadPackages)(
  `the heap is flat over ${CALLS} calls (OVERHEAD_CALLS)`,
  async () => {
    const workload = { content: "off", characters: 300, stream: false } as const;
    const child = await startOverheadChild("assay", workload, { flags: ["--expose-gc"] });
    const heaps: number[] = [];
    for (let tenth = 0; tenth < 10; tenth++) heaps.push((await child.round(CALLS / 10)).heapMiB);
    const { spans } = child.received();
    child.stop();
    console.log("heap, MiB:", ...heaps.map(Math.round));
    expect(spans).toBe(CALLS);
    // The first rounds compile and load; after them a round leaves nothing behind.
    expect(heaps.at(-1)! - heaps[3]!).toBeLessThan(2);
  },
  60_000,
);

test.skipIf(!hasOverheadPackages)(
  "no turn of the event loop takes 5 ms of CPU while 512 spans of 20 KB are finished and sent",
  async () => {
    const workload = { content: "redacted", characters: 20_480, stream: false } as const;
    const child = await startOverheadChild("assay", workload, { env: { CALLS_A_TURN: "1" } });
    await child.round(512);
    const turns: number[] = [];
    // The best of three: a neighbour on the same core doubles what anything takes, and compiling is not export.
    for (let round = 0; round < 3; round++)
      turns.push((await child.round(512, true)).longestTurnMs);
    const { spans } = child.received();
    child.stop();
    console.log("longest turns, ms:", ...turns.map((ms) => ms.toFixed(1)));
    expect(spans).toBe(4 * 512);
    expect(Math.min(...turns)).toBeLessThan(5);
  },
  60_000,
);
