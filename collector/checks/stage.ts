/** The checks as a part of the collector: evaluated while the store is up, told on to the notifier when there is one. */
import { join } from "node:path";
import type { ClickHouseClient } from "@clickhouse/client";
import { createJournal } from "./notify/journal.ts";
import { Notifier, type NotifierStats } from "./notify/notifier.ts";
import type { Logger } from "../stages.ts";
import type { ChecksConfig } from "./config.ts";
import { Evaluator, type EvaluatorStats } from "./evaluator.ts";
import { createLease, type Lease } from "./lease.ts";

/** How often it is looked whether a tick is due; the shortest `every` is a minute. */
const LOOK_MS = 5_000;

export interface ChecksStage {
  /** The store is up; undefined when it was stopped before. */
  start(client: ClickHouseClient | undefined): void;
  stop(): Promise<void>;
  /** Undefined before `start`, where nothing is evaluated, and while another collector does. */
  stats(): EvaluatorStats | undefined;
  /** Undefined without a notifier. */
  notifyStats(): NotifierStats | undefined;
}

export interface ChecksStageOptions {
  config: ChecksConfig | undefined;
  dataDir: string;
  /** This collector among others. */
  collectorId: string;
  /** Others may evaluate checks on the same ClickHouse: then one of them does. */
  shared: boolean;
  log: Logger;
  /** Unix milliseconds. @default Date.now */
  now?: () => number;
}

export function createChecksStage(options: ChecksStageOptions): ChecksStage {
  const { config, dataDir, collectorId, shared, log, now = Date.now } = options;
  let evaluator: Evaluator | undefined;
  let lease: Lease | undefined;
  let isActive = false;
  let notifier: Notifier | undefined;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    try {
      const isOurs = lease ? await lease.held() : true;
      // Whoever had it before went on meanwhile: what this one knew is old.
      if (isOurs && (!isActive || !evaluator!.loaded)) {
        const rows = await evaluator!.load();
        notifier?.take(rows);
      }
      isActive = isOurs;
      if (isActive) await evaluator!.runDue();
      if (isActive) notifier?.beat(evaluator!.stats().lagSeconds);
    } catch (error) {
      // Without ClickHouse nobody can say whose turn it is.
      if (lease) isActive = false;
      log("warn", `checks: cannot begin, trying again: ${String(error)}`);
    }
    if (!stopped) timer = setTimeout(() => (running = run()), LOOK_MS);
  }

  return {
    start(client) {
      if (!config || !client || stopped) return;
      if (shared) lease = createLease(client, { name: "checks", holder: collectorId });
      if (config.notify)
        notifier = new Notifier({
          config: config.notify,
          file: join(dataDir, "notify", "state.json"),
          journal: createJournal(client, config.notify.page),
          isActive: () => isActive,
          log,
        });
      evaluator = new Evaluator({
        client,
        checks: config.checks,
        log,
        now,
        onResults: async (rows) => notifier?.take(rows),
      });
      running = run();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
      await notifier?.stop();
      // One that does not answer lets the claim run out.
      await lease?.release().catch(() => {});
    },
    stats: () => (isActive ? evaluator?.stats() : undefined),
    notifyStats: () => notifier?.stats(),
  };
}
