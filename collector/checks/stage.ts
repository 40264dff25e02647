/** The checks as a part of the collector: evaluated while the store is up, told on to the notifier when there is one. */
import { join } from "node:path";
import type { ClickHouseClient } from "@clickhouse/client";
import { Notifier, type NotifierStats } from "./notify/notifier.ts";
import type { Logger } from "../stages.ts";
import type { ChecksConfig } from "./config.ts";
import { Evaluator, type EvaluatorStats } from "./evaluator.ts";

/** How often it is looked whether a tick is due; the shortest `every` is a minute. */
const LOOK_MS = 5_000;

export interface ChecksStage {
  /** The store is up; undefined when it was stopped before. */
  start(client: ClickHouseClient | undefined): void;
  stop(): Promise<void>;
  /** Undefined before `start`, and where nothing is evaluated. */
  stats(): EvaluatorStats | undefined;
  /** Undefined without a notifier. */
  notifyStats(): NotifierStats | undefined;
}

export interface ChecksStageOptions {
  config: ChecksConfig | undefined;
  dataDir: string;
  log: Logger;
}

export function createChecksStage({ config, dataDir, log }: ChecksStageOptions): ChecksStage {
  let evaluator: Evaluator | undefined;
  let notifier: Notifier | undefined;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    try {
      if (!evaluator!.loaded) notifier?.take(await evaluator!.load());
      await evaluator!.runDue();
      notifier?.beat(evaluator!.stats().lagSeconds);
    } catch (error) {
      log("warn", `checks: cannot begin, trying again: ${String(error)}`);
    }
    if (!stopped) timer = setTimeout(() => (running = run()), LOOK_MS);
  }

  return {
    start(client) {
      if (!config || !client || stopped) return;
      if (config.notify)
        notifier = new Notifier({
          config: config.notify,
          file: join(dataDir, "notify", "state.json"),
          log,
        });
      evaluator = new Evaluator({
        client,
        checks: config.checks,
        log,
        onResults: async (rows) => notifier?.take(rows),
      });
      running = run();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
      await notifier?.stop();
    },
    stats: () => evaluator?.stats(),
    notifyStats: () => notifier?.stats(),
  };
}
