/**
 * One run: each item is answered (or brings its answer), judged by the profile's judges, and stored, some at a time. A run
 * that was cut short goes on where it was, and pays for nothing twice; a finished one is never changed.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { loadPriceBook } from "@assay/instrumentation/pricing";
import type { Judge, Profile } from "../config.ts";
import { describeJudges } from "../describe-judges.ts";
import type { Judgement } from "../judging.ts";
import type { StartedJudging } from "../offline/judge-records.ts";
import type { OfflineRecord } from "../offline/records-file.ts";
import { tasksOf } from "../offline/run-command.ts";
import { inParallel } from "../in-parallel.ts";
import type { ModelOutput } from "./answer-model.ts";
import {
  insertItems,
  insertRun,
  type Answered,
  type JudgedItem,
  type Run,
} from "./experiment-rows.ts";

const ITEMS_AT_ONCE = 8;
/** What is lost at most when a run is cut short. */
const STORED_AT_ONCE = 32;

export interface RunOptions {
  client: ClickHouseClient;
  profile: Profile;
  records: readonly OfflineRecord[];
  /** Undefined: the records bring their answers. */
  ask: ((record: OfflineRecord["judged"]) => Promise<ModelOutput>) | undefined;
  judging: StartedJudging;
  note: (line: string) => void;
  now: () => number;
}

export interface RunResult {
  items: number;
  /** Of them, done before: the run was cut short. */
  before: number;
  /** Without an answer. */
  failed: number;
  judgements: number;
  failedJudgements: number;
}

/** @throws when the run is there already, finished or with other settings */
export async function runExperiment(run: Run, options: RunOptions): Promise<RunResult> {
  const { client, records, profile, note, now } = options;
  const begun = await beganBefore(client, run);
  const mine = begun === undefined ? run : { ...run, startedAtUnixMs: begun };
  const done = begun === undefined ? new Map<string, boolean>() : await doneItems(client, run);
  if (begun === undefined) await insertRun(client, mine);
  else note(`the run was cut short: ${done.size} of ${records.length} items are done`);
  await describeJudges(client, run.judges, now());
  const left = records.filter(({ id }) => !done.has(id));
  const result: RunResult = {
    items: records.length,
    before: done.size,
    failed: [...done.values()].filter((hasFailed) => hasFailed).length,
    judgements: 0,
    failedJudgements: 0,
  };
  for (let from = 0; from < left.length; from += STORED_AT_ONCE) {
    const items: JudgedItem[] = [];
    await inParallel(left.slice(from, from + STORED_AT_ONCE), ITEMS_AT_ONCE, async (record) => {
      const answered = await answer(record, mine, options);
      const judgements = answered.error === "" ? await judged(answered, options) : NOTHING;
      items.push({ answered, judgements });
    });
    await insertItems(client, mine, profile, items);
    count(items, result);
  }
  await insertRun(client, mine, { finishedAtUnixMs: now(), failed: result.failed });
  return result;
}

function count(items: readonly JudgedItem[], result: RunResult): void {
  for (const { answered, judgements } of items) {
    if (answered.error !== "") result.failed++;
    result.judgements += judgements.size;
    for (const { outcome } of judgements.values())
      if (outcome.status === "failed") result.failedJudgements++;
  }
}

const NOTHING: ReadonlyMap<Judge, Judgement> = new Map();

async function answer(
  record: OfflineRecord,
  run: Run,
  { ask }: Pick<RunOptions, "ask">,
): Promise<Answered> {
  if (!ask) {
    const error = record.judged.answer === undefined ? "the item brings no answer" : "";
    return { record, judged: record.judged, output: undefined, error, picoUsd: undefined };
  }
  const { answer: _given, ...asked } = record.judged;
  try {
    const output = await ask(asked);
    const picoUsd = costOf(run.model, output);
    return { record, judged: { ...asked, answer: output.text }, output, error: "", picoUsd };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      record,
      judged: asked,
      output: undefined,
      error: why.slice(0, 500),
      picoUsd: undefined,
    };
  }
}

function costOf(model: string, { inputTokens, outputTokens }: ModelOutput): bigint | undefined {
  const book = loadPriceBook();
  const price = book.resolve("openai", model, Date.now());
  return price && book.cost(price, { inputTokens, outputTokens });
}

async function judged(
  { record, judged: material }: Answered,
  { profile, judging }: RunOptions,
): Promise<ReadonlyMap<Judge, Judgement>> {
  const tasks = tasksOf([{ ...record, judged: material }], profile);
  return new Map(
    await Promise.all(tasks.map(async (task) => [task.judge, await judging.judge(task)] as const)),
  );
}

/** When it began, if it was cut short. */
async function beganBefore(client: ClickHouseClient, run: Run): Promise<number | undefined> {
  const result = await client.query({
    query: `SELECT settings_hash, toFloat64(toUnixTimestamp64Milli(started_at)) AS startedAt, countIf(finished_at IS NOT NULL) OVER () AS finished
      FROM assay.experiment_runs WHERE experiment = {experiment:String} AND run = {run:String} ORDER BY started_at LIMIT 1`,
    query_params: { experiment: run.experiment, run: run.run },
    format: "JSONEachRow",
  });
  const [found] = await result.json<{
    settings_hash: string;
    startedAt: number;
    finished: string;
  }>();
  if (!found) return undefined;
  const name = `run "${run.run}" of "${run.experiment}"`;
  if (Number(found.finished) > 0)
    throw new Error(`${name} is finished: expected another name for another run`);
  if (found.settings_hash !== run.settingsHash)
    throw new Error(
      `${name} was begun with another dataset, model, prompt or judges: expected the same, to go on with it, or another name`,
    );
  return found.startedAt;
}

/** Items that are stored, and whether each has no answer. */
async function doneItems(client: ClickHouseClient, run: Run): Promise<Map<string, boolean>> {
  const result = await client.query({
    query: `SELECT item, max(error != '') AS hasFailed FROM assay.experiment_outputs
      WHERE experiment = {experiment:String} AND run = {run:String} GROUP BY item`,
    query_params: { experiment: run.experiment, run: run.run },
    format: "JSONEachRow",
  });
  const rows = await result.json<{ item: string; hasFailed: number }>();
  return new Map(rows.map(({ item, hasFailed }) => [item, hasFailed > 0]));
}
