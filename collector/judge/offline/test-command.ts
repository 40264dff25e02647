/** `assay judge test`: the file is right, each judge answers, and what it makes of one small record. */
import type { JudgeCommandOptions, JudgeFlags } from "../command.ts";
import type { Judgement } from "../judging.ts";
import { judgeRecords } from "./judge-records.ts";
import { configOf, judgeName } from "./options.ts";
import type { OfflineRecord } from "./records-file.ts";
import { printable } from "./text-table.ts";

/** Each judge gets what it needs. */
const RECORD: OfflineRecord = {
  id: "test",
  judged: {
    question: "Until when can I return an item?",
    answer: "You can return it within 30 days of delivery.",
    context: ["Items can be returned within 30 days of delivery. Return labels are free."],
    reference: "Within 30 days of delivery.",
  },
  peopleScores: {},
};

/** @throws when a judge gave no score */
export async function runJudgeTest(flags: JudgeFlags, options: JudgeCommandOptions): Promise<void> {
  const config = configOf(flags.config, options);
  const { print, pauseMs } = options;
  const tasks = config.judges.map((judge) => ({ judge, record: RECORD }));
  let bad = 0;
  await judgeRecords(tasks, { config, giveUpAfter: 1, pauseMs }, ({ judge }, judgement) => {
    const { provider, model, hash } = judge;
    print(`${judgeName(judge)}: ${model} at ${provider.name}, hash ${hash.slice(0, 8)}`);
    for (const line of linesOf(judgement)) print(`  ${printable(line)}`);
    if (judgement.outcome.status !== "ok") bad++;
  });
  const all = tasks.length;
  if (bad > 0) throw new Error(`${bad} of ${all} judges gave no score`);
  print(`All ${all} judges answered with a score.`);
}

function linesOf(judgement: Judgement): string[] {
  const { outcome, latencyMs, inputTokens, outputTokens, attempts } = judgement;
  if (outcome.status === "failed") return [`failed, ${outcome.failure}: ${outcome.detail}`];
  if (outcome.status !== "ok")
    return [
      `${outcome.status} ${outcome.status === "abstain" ? outcome.reasoning : outcome.reason}`,
    ];
  const cost =
    judgement.picoUsd === undefined
      ? "cost not known"
      : `$${(Number(judgement.picoUsd) / 1e12).toFixed(6)}`;
  const times = attempts > 1 ? `, ${attempts} attempts` : "";
  return [
    `score ${outcome.score}${judgement.repaired ? " after a repair" : ""}: ${outcome.reasoning}`,
    `${judgement.model} ${judgement.fingerprint}, ${inputTokens} + ${outputTokens} tokens, ${cost}, ${latencyMs.toFixed(0)} ms${times}`,
  ];
}
