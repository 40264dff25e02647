/** `assay judge run FILE`: each record of a file by the judges of a profile, a JSON line a record, as they end. */
import type { Part } from "@assay/statistics/composite";
import type { JudgeCommandOptions, JudgeFlags } from "../command.ts";
import type { Profile } from "../config.ts";
import { profileFor } from "../sampling.ts";
import { textMetric } from "../text-metrics.ts";
import { compositeOf, judgesFor } from "../scoring.ts";
import { judgeRecords, type JudgeTask } from "./judge-records.ts";
import { configOf, usdOption } from "./options.ts";
import { readRecordsFile, type OfflineRecord } from "./records-file.ts";
import { scoredOf, type Scored } from "./scored.ts";

/** @throws with a sentence for the user */
export async function runJudgeFile(
  path: string,
  flags: JudgeFlags,
  options: JudgeCommandOptions,
): Promise<void> {
  const config = configOf(flags.config, options);
  const { print, note = () => {}, pauseMs } = options;
  const project = flags.project ?? "";
  const profile = profileFor(project, config.profiles);
  if (!profile)
    throw new Error(
      `--project: expected one that a profile of the file is for, got "${flags.project ?? ""}"`,
    );
  const records = readRecordsFile(path);
  const tasks = tasksOf(records, profile);
  const left = new Map(
    records.map(({ id }) => [id, { tasks: 0, scores: new Map<string, Scored>() }]),
  );
  for (const { record } of tasks) left.get(record.id)!.tasks++;
  note(`${records.length} records, ${tasks.length} judgements`);
  let [failed, usd] = [0, 0];
  const judging = { config, pauseMs, maxUsd: usdOption(flags["max-usd"]) };
  await judgeRecords(tasks, judging, ({ judge, record }, judgement) => {
    const one = left.get(record.id)!;
    const scored = scoredOf(judge, judgement);
    one.scores.set(judge.metric.metric, scored);
    if (scored.status === "failed") failed++;
    usd += scored.costUsd ?? 0;
    if (--one.tasks === 0) print(JSON.stringify(lineOf(record, profile, one.scores)));
  });
  note(`${failed} of ${tasks.length} judgements failed; $${usd.toFixed(6)}`);
}

export function tasksOf(records: readonly OfflineRecord[], profile: Profile): JudgeTask[] {
  return records.flatMap((record) =>
    judgesFor(profile, record.judged.reference !== undefined).map((judge) => ({ judge, record })),
  );
}

/** The weighted score of what was judged; undefined: the profile's rules give none. */
export function compositeNorm(
  profile: Profile,
  scores: ReadonlyMap<string, Scored>,
): ReturnType<typeof compositeOf> {
  const parts = new Map<string, Part>(
    [...scores].map(([metric, { status, norm }]) => [
      metric,
      norm === undefined ? { status } : { status, norm },
    ]),
  );
  return compositeOf(profile, parts);
}

function lineOf(
  record: OfflineRecord,
  profile: Profile,
  scores: ReadonlyMap<string, Scored>,
): Record<string, unknown> {
  const texts = profile.textMetrics.flatMap((metric) => {
    const value = textMetric(metric, record.judged, profile.answerForm);
    return value === undefined ? [] : [[metric, value] as const];
  });
  return {
    id: record.id,
    composite: compositeNorm(profile, scores)?.norm ?? null,
    scores: Object.fromEntries([...scores].map(([metric, one]) => [metric, shown(one)])),
    ...(texts.length > 0 && { without_model: Object.fromEntries(texts) }),
  };
}

function shown({ status, why, score, norm, reasoning, costUsd, latencyMs }: Scored) {
  return {
    status,
    ...(why && { why }),
    ...(score !== undefined && { score, norm }),
    ...(reasoning && { reasoning }),
    cost_usd: costUsd ?? null,
    latency_ms: Math.round(latencyMs),
  };
}
