/** The judge as a part of the collector: nothing without a config, and nothing before the store is there. */
import { join } from "node:path";
import type { ClickHouseClient } from "@clickhouse/client";
import type { InsertStats } from "../insert/inserter.ts";
import type { Logger } from "../stages.ts";
import type { JudgeConfig } from "./config.ts";
import { JudgeWorker, type JudgeStats } from "./worker.ts";

/** Between the receipt of a span and its place in the log. */
const MARGIN_MS = 1_000;

export interface JudgeStage {
  /** The store is up; undefined when it was stopped before. */
  start(client: ClickHouseClient | undefined): void;
  stop(): Promise<void>;
  /** Undefined before `start`, and without a config. */
  stats(): JudgeStats | undefined;
}

export interface JudgeStageOptions {
  config: JudgeConfig | undefined;
  collectorId: string;
  dataDir: string;
  insertStats: () => Pick<InsertStats, "queuedRecords" | "oldestUnsentAgeMs"> | undefined;
  log: Logger;
}

export function createJudgeStage(options: JudgeStageOptions): JudgeStage {
  const { config, collectorId, dataDir, insertStats, log } = options;
  let worker: JudgeWorker | undefined;
  let stopped = false;
  return {
    start(client) {
      if (!config || !client || stopped) return;
      worker = new JudgeWorker({
        config,
        client,
        collectorId,
        positionFile: join(dataDir, "judge", "position.json"),
        storedThroughUnixMs: () => storedThrough(insertStats()),
        log,
      });
      worker.start();
    },
    async stop() {
      stopped = true;
      await worker?.stop();
    },
    stats: () => worker?.stats(),
  };
}

/** Everything that was received before is in the store. */
function storedThrough(stats: ReturnType<JudgeStageOptions["insertStats"]>): number | undefined {
  if (!stats) return undefined;
  const { queuedRecords, oldestUnsentAgeMs } = stats;
  // Waiting in the log, and not read yet: how old the oldest is, nobody knows.
  if (queuedRecords > 0 && oldestUnsentAgeMs === 0) return undefined;
  return Date.now() - oldestUnsentAgeMs - MARGIN_MS;
}
