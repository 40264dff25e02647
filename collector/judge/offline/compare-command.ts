/**
 * `assay judge compare`: the judges of one metric, from one file of judges or several, on the same records, from a file
 * or from traffic.
 */
import { basename, extname } from "node:path";
import { timeOption } from "../../time-option.ts";
import type { JudgeCommandOptions, JudgeFlags } from "../command.ts";
import type { Judge, JudgeConfig } from "../config.ts";
import { strategyOf } from "../score-row.ts";
import { comparisonReport, type ScoreColumn } from "./comparison.ts";
import { comparisonText } from "./comparison-text.ts";
import { DUMMIES, dummyScores, isDummy, type Dummy } from "./dummy-judges.ts";
import { judgeRecords } from "./judge-records.ts";
import { configOf, limitOption, usdOption } from "./options.ts";
import { withPeopleScores } from "./people-scores.ts";
import { readRecordsFile, type OfflineRecord } from "./records-file.ts";
import { levelsOf, scoredOf, type Scored } from "./scored.ts";
import { trafficRecords } from "./traffic-records.ts";

const USUAL_RECORDS = 200;
const MOST_RECORDS = 10_000;

interface NamedJudge {
  name: string;
  judge: Judge;
  config: JudgeConfig;
}

/** @throws with a sentence for the user */
export async function runCompare(
  file: string | undefined,
  flags: JudgeFlags,
  options: JudgeCommandOptions,
): Promise<void> {
  const { print, note = () => {} } = options;
  const config = configOf(flags.config, options);
  if (flags.metric === undefined)
    throw new Error("expected --metric, the one to compare judges of");
  const known = judgesOf(flags, config, options);
  const { judges, dummies } = chosen(flags.judges, known);
  const levels = levelsOf(judges[0]!.judge);
  const records = await recordsOf(file, flags, config, options);
  if (records.length === 0)
    throw new Error("expected records, and nothing that was asked for has any");
  note(
    `${records.length} records by ${judges.length} judges: ${records.length * judges.length} calls or more`,
  );
  const columns = await Promise.all(
    judges.map((one) => columnOf(one, records, options, usdOption(flags["max-usd"]))),
  ); // prettier-ignore
  const model = modelScores(records, flags.metric, columns);
  const report = comparisonReport({
    metric: flags.metric,
    levels,
    records,
    columns: [...columns, ...dummies.map((dummy) => dummyColumn(dummy, records, levels, model))],
  });
  if (flags.json) print(JSON.stringify(report, null, 2));
  else for (const line of comparisonText(report)) print(line);
}

/** By name: the role, with the file's name before it when it is another file's. */
function judgesOf(
  flags: JudgeFlags,
  config: JudgeConfig,
  options: JudgeCommandOptions,
): Map<string, NamedJudge> {
  const files = [
    { prefix: "", config },
    ...(flags.with ?? []).map((path) => ({
      prefix: `${basename(path, extname(path))}:`,
      config: configOf(path, options),
    })),
  ];
  return new Map(
    files.flatMap(({ prefix, config: of }) =>
      of.judges.flatMap((judge) => {
        const name = `${prefix}${judge.role}`;
        const isOf = judge.metric.metric === flags.metric;
        return isOf ? [[name, { name, judge, config: of }] as const] : [];
      }),
    ),
  );
}

function chosen(
  wanted: string | undefined,
  known: ReadonlyMap<string, NamedJudge>,
): { judges: NamedJudge[]; dummies: Dummy[] } {
  const names = wanted?.split(",").map((name) => name.trim()) ?? [...known.keys(), ...DUMMIES];
  const dummies = names.filter(isDummy);
  const judges = names
    .filter((name) => !isDummy(name))
    .map((name) => {
      const found = known.get(name);
      if (found) return found;
      const all = [...known.keys(), ...DUMMIES].join(", ");
      throw new Error(`--judges: expected some of ${all}, got "${name}"`);
    });
  if (judges.length > 0 && judges.length + dummies.length > 1) return { judges, dummies };
  throw new Error("expected a judge of this metric, and another judge or dummy to compare it with");
}

async function recordsOf(
  file: string | undefined,
  flags: JudgeFlags,
  { golden }: JudgeConfig,
  { connect, now = Date.now }: JudgeCommandOptions,
): Promise<OfflineRecord[]> {
  const { from, metric = "" } = flags;
  if ((file === undefined) === (from === undefined))
    throw new Error("expected either a file of records or --from");
  if (file !== undefined) return readRecordsFile(file);
  const client = await connect();
  try {
    const records = await trafficRecords(client, {
      from: timeOption("--from", from, now()),
      to: timeOption("--to", flags.to ?? "now", now()),
      limit: limitOption(flags.limit, USUAL_RECORDS, MOST_RECORDS),
      project: flags.project,
      model: flags.model,
      labelled: flags.labelled ? metric : undefined,
      golden,
    });
    return await withPeopleScores(client, metric, records);
  } finally {
    await client.close();
  }
}

async function columnOf(
  { name, judge, config }: NamedJudge,
  records: readonly OfflineRecord[],
  { pauseMs }: JudgeCommandOptions,
  maxUsd: number | undefined,
): Promise<ScoreColumn> {
  const scored = new Map<string, Scored>();
  const tasks = records.map((record) => ({ judge, record }));
  await judgeRecords(tasks, { config, pauseMs, maxUsd }, ({ record }, judgement) => {
    scored.set(record.id, scoredOf(judge, judgement));
  });
  return {
    name,
    model: judge.model,
    judgeHash: judge.hash,
    strategy: strategyOf(judge),
    scored: records.map(({ id }) => scored.get(id)),
  };
}

/** What `random` is drawn from. */
function modelScores(
  records: readonly OfflineRecord[],
  metric: string,
  columns: readonly ScoreColumn[],
): number[] {
  const people = records.flatMap(({ peopleScores }) => peopleScores[metric] ?? []);
  return people.length > 0 ? people : columns[0]!.scored.flatMap((one) => one?.score ?? []);
}

function dummyColumn(
  dummy: Dummy,
  records: readonly OfflineRecord[],
  levels: number,
  model: readonly number[],
): ScoreColumn {
  const answers = records.map(({ judged }) => judged.answer);
  const scored = dummyScores(dummy, { answers, levels, model }).map((score): Scored => {
    const norm = (score - 1) / (levels - 1);
    return { status: "ok", why: "", score, norm, reasoning: "", repaired: false, costUsd: 0, latencyMs: 0 };
  }); // prettier-ignore
  return { name: dummy, model: "", judgeHash: "", strategy: "looks at nothing", scored };
}
