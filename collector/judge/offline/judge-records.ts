/** Judges records that are at hand, as many at once as the providers take: every judge on every record. */
import { Budget } from "../budget.ts";
import type { Judge, JudgeConfig } from "../config.ts";
import { judgeRecord, type Judgement } from "../judging.ts";
import { inParallel } from "../in-parallel.ts";
import { judgePair, type AnswerPair, type PairJudgement } from "../pairwise.ts";
import { priceOf } from "../providers.ts";
import { connectImpatiently } from "./impatient.ts";
import type { OfflineRecord } from "./records-file.ts";

export const AT_ONCE = 64;
const GIVE_UP_AFTER = 20;

export interface OfflineJudging {
  config: Pick<JudgeConfig, "providers">;
  /** USD for all of it; what comes after fails with the reason `budget`. @default no limit */
  maxUsd?: number | undefined;
  /** Calls in a row without any answer after which the rest fails. @default 20 */
  giveUpAfter?: number;
  /** Between attempts; see judging.ts. */
  pauseMs?: ((attempt: number) => number) | undefined;
}

export interface JudgeTask {
  judge: Judge;
  record: OfflineRecord;
}

/** Judges one record after the other, or many at once, from one purse and with one set of providers. */
export interface StartedJudging {
  judge(task: JudgeTask): Promise<Judgement>;
  judgePair(judge: Judge, pair: AnswerPair): Promise<PairJudgement>;
  stop(): void;
}

export function startJudging({
  config,
  maxUsd,
  giveUpAfter = GIVE_UP_AFTER,
  pauseMs,
}: OfflineJudging): StartedJudging {
  const providers = connectImpatiently(config, giveUpAfter);
  // The day does not matter to a command: its money is for its own time.
  const began = Date.now();
  const budget = new Budget(maxUsd, { now: () => began });
  const { signal } = new AbortController();
  const contextOf = ({ provider }: Judge) => ({
    provider: providers.get(provider.name)!,
    budget,
    signal,
    receivedAtUnixMs: Date.now(),
    ...(pauseMs ? { pauseMs } : {}),
  });
  return {
    judge: ({ judge, record }) =>
      judgeRecord(judge, record.judged, {
        ...contextOf(judge),
        priceOf: (one, usage) => priceOf(one, usage, Date.now()),
      }),
    judgePair: (judge, pair) =>
      judgePair(judge, pair, {
        ...contextOf(judge),
        spender: judge.hash,
        priceOf: (usage) => priceOf(judge, usage, Date.now()),
      }),
    stop() {
      for (const { gate } of providers.values()) gate.stop();
    },
  };
}

/** @param onJudged as each ends, in any order */
export async function judgeRecords(
  tasks: readonly JudgeTask[],
  options: OfflineJudging,
  onJudged: (task: JudgeTask, judgement: Judgement) => void | Promise<void>,
): Promise<void> {
  const judging = startJudging(options);
  try {
    await inParallel(tasks, AT_ONCE, async (task) => onJudged(task, await judging.judge(task)));
  } finally {
    judging.stop();
  }
}
