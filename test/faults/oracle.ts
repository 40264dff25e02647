/**
 * The one oracle of the fault tests. A generator of its own process writes down what became of each request; in the end
 * every acknowledged span is stored exactly once (or stands among the dead letters), nothing that was refused is stored,
 * and every rollup agrees with the spans.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createClickHouse, type ClickHouseTarget, targetOf } from "@assay/clickhouse";
import type { ClickHouseClient } from "@clickhouse/client";
import { expect } from "vitest";

import type { LoadReport } from "../load/generator.ts";
import { startLoad } from "../load/run-generator.ts";
import { spanId } from "../load/span-body.ts";
import { until } from "../processes.ts";
import { findInconsistencies } from "./consistency.ts";

export interface RecordedLoad {
  /** Ends it in order and resolves to what it sent. */
  end(): Promise<LoadReport>;
  /** Resolves when that many spans more than now are acknowledged, however slow the machine is. */
  untilMoreAcked(spans: number): Promise<void>;
  /** Resolves when it has sent everything. */
  report: Promise<LoadReport>;
  outcomes(): Promise<Record<"acked" | "refused" | "unknown", Set<string>>>;
  remove(): Promise<void>;
}

/** `args` as on the generator's command line; `--seed` must be another one for each load of a store. */
export async function startRecordedLoad(
  otlp: string,
  seed: number,
  args: readonly string[],
): Promise<RecordedLoad> {
  const folder = await mkdtemp(join(tmpdir(), "assay-load-"));
  const file = join(folder, "record");
  const { child, report } = startLoad([
    "--url",
    otlp,
    "--seed",
    String(seed),
    // No two loads have a number in common: span ids begin with a hash of it.
    "--from",
    String(seed * 10_000_000),
    "--record",
    file,
    ...args,
  ]);
  report.catch(() => {}); // whoever waits for it hears of it
  return {
    report,
    end() {
      child.kill("SIGTERM");
      return report;
    },
    async untilMoreAcked(spans) {
      const before = await ackedIn(file);
      await until(
        () => ackedIn(file),
        (acked) => acked >= before + spans,
      );
    },
    async outcomes() {
      const found = {
        acked: new Set<string>(),
        refused: new Set<string>(),
        unknown: new Set<string>(),
      };
      for (const { from, count, outcome } of await recorded(file)) {
        for (let n = from; n < from + count; n++) found[outcome].add(spanId(seed, n));
      }
      return found;
    },
    async remove() {
      child.kill("SIGKILL");
      await report.catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Recorded {
  from: number;
  count: number;
  outcome: "acked" | "refused" | "unknown";
}

/** The lines of a generator's record, one a request; none as long as it has not begun. */
async function recorded(file: string): Promise<Recorded[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return whole
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const [from, count, outcome] = line.split(" ");
      return {
        from: Number(from),
        count: Number(count),
        outcome: outcome as Recorded["outcome"],
      };
    });
}

async function ackedIn(file: string): Promise<number> {
  const lines = await recorded(file);
  return lines.reduce((sum, { count, outcome }) => sum + (outcome === "acked" ? count : 0), 0);
}

/** The store of an Assay with these settings. */
export function writerOf(env: Record<string, string>): Promise<ClickHouseTarget> {
  const [host, port] = env["ASSAY_CLICKHOUSE_HTTP"]!.split(":");
  const address = { host: host!, port: Number(port) };
  return targetOf({ ASSAY_DATA: env["ASSAY_DATA"]!, ASSAY_CLICKHOUSE_HTTP: address }, "writer");
}

/** Waits until everything that was acknowledged is stored, and checks that nothing else is wrong. */
export async function expectExactlyOnce(
  target: ClickHouseTarget,
  load: RecordedLoad,
  describe: () => string | Promise<string> = () => "",
  timeoutMs = 60_000,
): Promise<void> {
  const { acked, refused } = await load.outcomes();
  expect(acked.size).toBeGreaterThan(0);
  const client = createClickHouse(target);
  try {
    let stored = new Set<string>();
    await until(
      async () => (stored = await storedIds(client)),
      () => acked.isSubsetOf(stored),
      timeoutMs,
    ).catch(async () => {
      const missing = acked.difference(stored).size;
      throw new Error(
        `${missing} of ${acked.size} acknowledged spans are not stored\n${await describe()}`,
      );
    });
    expect(refused.intersection(stored).size, "refused spans that are stored").toBe(0);
    // The last insert's views may still be running when its spans are there.
    await until(
      () => findInconsistencies(client),
      (findings) => findings.length === 0,
    );
  } finally {
    await client.close();
  }
}

async function storedIds(client: ClickHouseClient): Promise<Set<string>> {
  const result = await client.query({
    query: "SELECT lower(hex(span_id)) FROM assay.spans",
    format: "TabSeparated",
  });
  return new Set((await result.text()).trim().split("\n"));
}
