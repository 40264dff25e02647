/**
 * The judge as a part of the collector: nothing without a config, and nothing before the store is there. Its file may
 * change while it runs.
 */
import { join } from "node:path";
import type { ClickHouseClient } from "@clickhouse/client";
import { ConfigWatch } from "../config-watch.ts";
import type { InsertStats } from "../insert/inserter.ts";
import type { Logger } from "../stages.ts";
import { Canaries, type CanaryStats } from "./canary/canaries.ts";
import type { JudgeConfig } from "./config.ts";
import { evaluationEvent } from "./events.ts";
import { JudgeWorker, type JudgeStats } from "./worker.ts";

/** Between the receipt of a span and its place in the log. */
const MARGIN_MS = 1_000;

export interface JudgeStageStats extends JudgeStats {
  /** Changed configurations, by what became of them. */
  reloads: { taken: number; refused: number };
  canaries: CanaryStats | undefined;
}

export interface JudgeStage {
  /** The store is up; undefined when it was stopped before. */
  start(client: ClickHouseClient | undefined): void;
  stop(): Promise<void>;
  /** Undefined before `start`, and without a config. */
  stats(): JudgeStageStats | undefined;
}

export interface JudgeStageOptions {
  config: JudgeConfig | undefined;
  /** Reads it again. @throws naming every problem */
  reread: () => JudgeConfig;
  collectorId: string;
  dataDir: string;
  insertStats: () => Pick<InsertStats, "queuedRecords" | "oldestUnsentAgeMs"> | undefined;
  /** Takes a logs request with a score; undefined: nobody wants them. */
  sendEvent: ((body: Uint8Array) => void) | undefined;
  log: Logger;
}

export function createJudgeStage(options: JudgeStageOptions): JudgeStage {
  const { config, reread, collectorId, dataDir, insertStats, sendEvent, log } = options;
  let worker: JudgeWorker | undefined;
  let watch: ConfigWatch<JudgeConfig> | undefined;
  let canaries: Canaries | undefined;
  let stopped = false;

  /** Of the configuration in use; those of the one before end first. */
  function runCanaries(now: JudgeConfig, client: ClickHouseClient): void {
    const before = canaries;
    const next = now.canaries ? new Canaries({ config: now, client, log }) : undefined;
    canaries = next;
    void (before?.stop() ?? Promise.resolve()).then(() => {
      if (!stopped) next?.start();
    });
  }

  return {
    start(client) {
      if (!config || !client || stopped) return;
      let { events } = config;
      const started = new JudgeWorker({
        config,
        client,
        collectorId,
        positionFile: join(dataDir, "judge", "position.json"),
        storedThroughUnixMs: () => storedThrough(insertStats()),
        onStored: (rows) => {
          if (!events || !sendEvent) return;
          // Of a judge on trial nobody is to be told.
          for (const row of rows) if (row["role"] !== "shadow") sendEvent(evaluationEvent(row));
        },
        log,
      });
      worker = started;
      started.start();
      runCanaries(config, client);
      watch = new ConfigWatch(config, {
        name: "judge",
        files: ({ files }) => files,
        read: reread,
        onChange: (next) => {
          ({ events } = next);
          started.reconfigure(next);
          runCanaries(next, client);
        },
        log,
      });
      void watch.start(); // never rejects: a file that is not there is one that looks otherwise
    },
    async stop() {
      stopped = true;
      await watch?.stop();
      await Promise.all([worker?.stop(), canaries?.stop()]);
    },
    stats: () =>
      worker && watch && { ...worker.stats(), reloads: watch.counts, canaries: canaries?.stats() },
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
