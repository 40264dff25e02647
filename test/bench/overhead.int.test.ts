/** The short form of `bench:overhead -- --heap`: the heap does not grow with the calls, and our export never holds the loop for long. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runNode } from "../../instrumentation/testing/run-node.ts";
import { startOtlpSink } from "../dialects/otlp-sink.ts";

const folder = fileURLToPath(new URL("../dialects/", import.meta.url));
const CALLS = Number(process.env["OVERHEAD_CALLS"] ?? 6_000);

test.skipIf(!existsSync(`${folder}node_modules/openai`))(
  `the heap is flat over ${CALLS} calls (OVERHEAD_CALLS)`,
  async () => {
    const sink = await startOtlpSink();
    try {
      const args = ["assay", "off", "300", "plain", String(CALLS)];
      const { stdout, stderr } = await runNode(["--expose-gc", `${folder}overhead.mjs`, ...args], {
        OTLP_URL: sink.url,
      });
      expect(stderr).toBe("");
      const { heapMiB, heldMs } = JSON.parse(stdout) as { heapMiB: number[]; heldMs: number };
      console.log("heap, MiB:", ...heapMiB.map(Math.round), `held at most ${heldMs.toFixed(1)} ms`);
      expect(sink.spans).toHaveLength(CALLS);
      // The first rounds compile and load; after them a round leaves nothing behind.
      const [early, late] = [heapMiB[3]!, heapMiB.at(-1)!];
      expect(late - early).toBeLessThan(2);
    } finally {
      sink.server.close();
    }
  },
  60_000,
);
