/** `assay experiment list | compare`: the runs that are stored, and two of them item by item, in a terminal. */
import { parseArgs } from "node:util";
import type { ClickHouseClient } from "@clickhouse/client";
import { ApiError } from "./errors.ts";
import { type ExperimentsAnswer, readExperiments } from "./experiments.ts";
import { createStore } from "./store.ts";

const USAGE =
  "expected: experiment list [EXPERIMENT] | compare EXPERIMENT RUN RUN [--metric NAME] [--json]";
const SHOWN_ITEMS = 5;
const LONGEST = 200;

export interface ExperimentsCommandOptions {
  connect: () => Promise<ClickHouseClient>;
  print: (line: string) => void;
  /** @default Date.now */
  now?: () => number;
}

/** @throws with a sentence for the user */
export async function runExperimentsCommand(
  args: readonly string[],
  { connect, print, now = Date.now }: ExperimentsCommandOptions,
): Promise<void> {
  const { values, positionals } = flagsOf(args);
  const [action = "list", experiment, first, second, ...more] = positionals;
  const compare =
    first !== undefined && second !== undefined ? ([first, second] as const) : undefined;
  const isList = action === "list" && first === undefined;
  if (more.length > 0 || !(isList || (action === "compare" && compare))) throw new Error(USAGE);
  const client = await connect();
  try {
    const store = createStore(client);
    const question = { from: 0, to: now() + 60_000, experiment, compare, metric: values.metric };
    const answer = await readExperiments(store, question);
    if (values.json) print(JSON.stringify(compare ? answer.comparison : answer.runs, null, 2));
    else for (const line of compare ? comparisonText(answer) : listText(answer)) print(line);
  } catch (error) {
    if (error instanceof ApiError && error.code === "bad_parameter")
      throw new Error(`${error.message}: see assay experiment list`, { cause: error });
    throw error;
  } finally {
    await client.close();
  }
}

function flagsOf(args: readonly string[]) {
  const options = { metric: { type: "string" }, json: { type: "boolean" } } as const;
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (cause) {
    throw new Error(`${(cause as Error).message}\n${USAGE}`, { cause });
  }
}

function listText({ runs }: ExperimentsAnswer): string[] {
  if (runs.length === 0) return ["There is no run."];
  return runs.flatMap((run) => {
    const { experiment, started_at, finished_at, model, prompt_version, dataset_hash, items } = run;
    const state = finished_at === null ? ", not finished" : "";
    const by = model === "" ? "answers given" : `${model}, prompt ${prompt_version}`;
    return [
      `${experiment}  ${run.run}  ${started_at.slice(0, 16)}Z  ${by}  ${items} items (${dataset_hash.slice(0, 8)})${state}`,
      ...run.metrics.map(
        ({ metric, mean, low, high, n }) =>
          `    ${metric.padEnd(24)} ${shown(mean)} (${shown(low)} to ${shown(high)}), ${n} scored`,
      ),
    ];
  });
}

function comparisonText({ comparison }: ExperimentsAnswer): string[] {
  const { first, second, same_dataset, metrics, items } = comparison!;
  const lines = [`${first} less ${second}, by the items that both scored:`];
  if (!same_dataset)
    lines.push("They are of different datasets: only what they share is compared.");
  for (const { metric, n, difference, low, high, stands } of metrics)
    lines.push(
      `  ${metric.padEnd(24)} ${signed(difference)} (${signed(low)} to ${signed(high)}), ${n} items${stands ? "" : ", may be chance"}`,
    );
  if (metrics.length === 0) lines.push("  nothing in common");
  for (const item of items.slice(0, SHOWN_ITEMS))
    lines.push(
      `${signed(item.difference)}  ${cut(item["question"])}`,
      `    ${first}: ${cut(item["first_answer"])}`,
      `    ${second}: ${cut(item["second_answer"])}`,
    );
  return lines;
}

function shown(value: number | null): string {
  return value === null ? "–" : value.toFixed(3);
}

function signed(value: number | null): string {
  return value === null ? "–" : `${value >= 0 ? "+" : ""}${value.toFixed(3)}`;
}

/** One line; what a terminal would obey is left out. */
function cut(text: unknown): string {
  const line = (typeof text === "string" ? text : "").replace(/[\p{Cc}\p{Cf}\s]+/gu, " ");
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}
