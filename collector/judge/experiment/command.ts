/**
 * `assay experiment run`: a dataset, from a file or picked from traffic, answered by a model with a prompt, or with the
 * answers that it brings, and judged; stored under the experiment's and the run's name.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import type { ClickHouseClient } from "@clickhouse/client";
import { timeOption } from "../../time-option.ts";
import type { Judge, JudgeConfig, Profile } from "../config.ts";
import { hashOf } from "../judge-hash.ts";
import { startJudging } from "../offline/judge-records.ts";
import { configOf, limitOption, usdOption } from "../offline/options.ts";
import { datasetHash, readRecordsFile, type OfflineRecord } from "../offline/records-file.ts";
import { trafficRecords } from "../offline/traffic-records.ts";
import { profileFor } from "../sampling.ts";
import { weightsHash } from "../score-row.ts";
import {
  answerModel,
  checkPlaceholders,
  checkPrompt,
  promptHash,
  type AnswerModel,
} from "./answer-model.ts";
import type { Run } from "./experiment-rows.ts";
import { runExperiment } from "./run-experiment.ts";

const USAGE = `expected:
  experiment run EXPERIMENT --run NAME (--dataset FILE | --from TIME [--to TIME] [--limit N] [--of-model NAME] [--below METRIC=NORM])
    [--provider NAME --model NAME --prompt FILE [--system FILE] [--prompt-version TEXT] [--temperature N] [--seed N] [--max-tokens N]]
    [--project NAME] [--config FILE] [--max-usd N]
FILE of a dataset is JSON Lines; a TIME is RFC 3339 or like now-7d (docs/experiments.md).`;
const USUAL_ITEMS = 200;
const MOST_ITEMS = 10_000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9 _.:/-]{0,99}$/;

export interface ExperimentCommandOptions {
  /** ASSAY_JUDGE; `--config` goes before it. */
  configFile: string | undefined;
  env: NodeJS.ProcessEnv;
  /** With the right to write. */
  connect: () => Promise<ClickHouseClient>;
  print: (line: string) => void;
  note?: (line: string) => void;
  /** Between attempts at a judge's call; see judging.ts. */
  pauseMs?: (attempt: number) => number;
  /** @default Date.now */
  now?: () => number;
}

type Flags = ReturnType<typeof flagsOf>["values"];

/** @throws with a sentence for the user */
export async function runExperimentCommand(
  args: readonly string[],
  options: ExperimentCommandOptions,
): Promise<void> {
  const { values: flags, positionals } = flagsOf(args);
  const [experiment] = positionals;
  if (experiment === undefined || positionals.length > 1 || flags.run === undefined)
    throw new Error(USAGE);
  for (const name of [experiment, flags.run])
    if (!NAME.test(name))
      throw new Error(`expected a name of letters, digits and . _ : / -, got "${name}"`);
  const { now = Date.now, note = () => {}, print, pauseMs } = options;
  const config = configOf(flags.config, options);
  const project = flags.project ?? "";
  const profile = profileFor(project, config.profiles);
  if (!profile)
    throw new Error(`--project: expected one that a profile of the file is for, got "${project}"`);
  const asked = modelOf(flags, config);
  const client = await options.connect();
  const judging = startJudging({ config, maxUsd: usdOption(flags["max-usd"]), pauseMs });
  try {
    const records = await recordsOf(flags, config, client, now());
    if (records.length === 0)
      throw new Error("expected records, and nothing that was asked for has any");
    const run = runOf({ experiment, run: flags.run, project, flags, records, profile, asked, nowMs: now() });
    note(`${records.length} items, ${asked ? `asking ${asked.model}` : "with the answers they bring"}`);
    const result = await runExperiment(run, {
      client,
      profile,
      records,
      ask: asked && answerModel(asked),
      judging,
      note,
      now,
    });
    print(
      `${experiment}, ${flags.run}: ${result.items} items, ${result.failed} without an answer; ${result.judgements} judgements, ${result.failedJudgements} failed.`,
    );
  } finally {
    judging.stop();
    await client.close();
  }
} // prettier-ignore

function flagsOf(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        run: text,
        dataset: text,
        from: text,
        to: text,
        limit: text,
        "of-model": text,
        below: text,
        provider: text,
        model: text,
        prompt: text,
        system: text,
        "prompt-version": text,
        temperature: text,
        seed: text,
        "max-tokens": text,
        project: text,
        config: text,
        "max-usd": text,
      },
    });
  } catch (cause) {
    throw new Error(`${(cause as Error).message}\n${USAGE}`, { cause });
  }
}

type Asked = AnswerModel & { provider: string };

/** Undefined: the answers are given. */
function modelOf(flags: Flags, config: JudgeConfig): Asked | undefined {
  const { provider: name, model, prompt } = flags;
  if (name === undefined && model === undefined && prompt === undefined) return undefined;
  if (name === undefined || model === undefined || prompt === undefined)
    throw new Error("expected --provider, --model and --prompt together, or none of them");
  const provider = config.providers.find((one) => one.name === name && one.kind === "openai");
  if (!provider)
    throw new Error(
      `--provider: expected one of the file's with an API of OpenAI's form, got "${name}"`,
    );
  const text = fileText("--prompt", prompt);
  checkPrompt(text, prompt);
  const system = flags.system === undefined ? undefined : fileText("--system", flags.system);
  if (system !== undefined) checkPlaceholders(system, flags.system!);
  return {
    provider: name,
    baseUrl: provider.baseUrl,
    apiKey: provider.apiKey,
    model,
    prompt: text,
    system,
    temperature: numberOf("--temperature", flags.temperature),
    seed: numberOf("--seed", flags.seed),
    maxTokens: numberOf("--max-tokens", flags["max-tokens"]),
  };
}

function fileText(option: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new Error(`${option}: cannot read "${path}"`, { cause });
  }
}

function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new Error(`${option}: expected a number of at least 0, got "${text}"`);
}

async function recordsOf(
  flags: Flags,
  { golden }: JudgeConfig,
  client: ClickHouseClient,
  nowMs: number,
): Promise<OfflineRecord[]> {
  const { dataset, from } = flags;
  if ((dataset === undefined) === (from === undefined))
    throw new Error("expected either --dataset or --from");
  if (dataset !== undefined) return readRecordsFile(dataset);
  return trafficRecords(client, {
    from: timeOption("--from", from, nowMs),
    to: timeOption("--to", flags.to ?? "now", nowMs),
    limit: limitOption(flags.limit, USUAL_ITEMS, MOST_ITEMS),
    project: flags.project,
    model: flags["of-model"],
    below: belowOf(flags.below),
    golden,
  });
}

function belowOf(text: string | undefined): { metric: string; norm: number } | undefined {
  if (text === undefined) return undefined;
  const match = /^([a-z][a-z0-9_]*)=(0(?:\.\d+)?|1(?:\.0+)?)$/.exec(text);
  if (match) return { metric: match[1]!, norm: Number(match[2]) };
  throw new Error(
    `--below: expected a metric and a norm from 0 to 1, as in faithfulness=0.5, got "${text}"`,
  );
}

interface RunParts {
  experiment: string;
  run: string;
  project: string;
  flags: Flags;
  records: readonly OfflineRecord[];
  profile: Profile;
  asked: Asked | undefined;
  nowMs: number;
}

function runOf({ experiment, run, project, flags, records, profile, asked, nowMs }: RunParts): Run {
  const judges: Judge[] = [...profile.judges.values()];
  const dataset = datasetHash(records);
  const parameters = asked
    ? { temperature: asked.temperature, seed: asked.seed, max_tokens: asked.maxTokens }
    : {};
  const hash = asked ? promptHash(asked) : "";
  const settingsHash = hashOf({
    dataset,
    // Given answers are a run's own.
    answers: asked ? null : records.map(({ judged }) => judged.answer ?? null),
    model: asked?.model ?? null,
    hash,
    parameters,
    weights: weightsHash(profile),
    judges: judges.map((judge) => judge.hash),
    texts: profile.textMetrics,
    // Not said where there is none, so that settings of before are what they were.
    ...(profile.answerForm.schema && { schema: profile.answerForm.schema }),
  });
  return {
    experiment,
    run,
    startedAtUnixMs: nowMs,
    settingsHash,
    dataset: flags.dataset === undefined ? `traffic from ${flags.from}` : basename(flags.dataset),
    datasetHash: dataset,
    items: records.length,
    project,
    provider: asked?.provider ?? "",
    model: asked?.model ?? "",
    promptVersion: flags["prompt-version"] ?? hash.slice(0, 12),
    promptHash: hash,
    parameters,
    judges,
  };
}
