/**
 * `assay judge pairs FILE`: which of two answers to a question is better, by a judge of the file, in both orders. A line
 *
 *     {"id": "q1", "question": "…", "first": "…", "second": "…", "reference": "…", "better": "first"}
 *
 * of which the two answers have to be there; `better` (first, second or tie) is what people say.
 */
import { cohenKappa, confusionMatrix } from "@assay/statistics/agreement";
import { wilson } from "@assay/statistics/proportion";
import { z } from "zod";
import type { JudgeCommandOptions, JudgeFlags } from "../command.ts";
import type { Judge, JudgeConfig } from "../config.ts";
import { inParallel } from "../in-parallel.ts";
import { hashOf } from "../judge-hash.ts";
import type { AnswerPair, PairJudgement, Preference } from "../pairwise.ts";
import { AT_ONCE, startJudging } from "./judge-records.ts";
import { parseLines, readLines } from "./lines-file.ts";
import { configOf, usdOption } from "./options.ts";

const PREFERENCES = ["first", "second", "tie"] as const;

const line = z.strictObject({
  id: z.string().min(1).max(200).optional(),
  question: z.string().optional(),
  first: z.string(),
  second: z.string(),
  reference: z.string().optional(),
  better: z.enum(PREFERENCES).optional(),
});

interface PairRecord {
  id: string;
  pair: AnswerPair;
  people: Preference | undefined;
}

interface JudgedPair {
  people: Preference | undefined;
  judgement: PairJudgement;
}

/** @throws with a sentence for the user */
export async function runPairs(
  path: string,
  flags: JudgeFlags,
  options: JudgeCommandOptions,
): Promise<void> {
  const { print, note = () => {}, pauseMs } = options;
  const config = configOf(flags.config, options);
  const judge = judgeOf(flags, config);
  const records = parseLines(readLines(path), path, line, recordOf);
  note(`${records.length} pairs by ${judge.model}${judge.swap ? ", in both orders" : ""}`);
  const judging = startJudging({ config, pauseMs, maxUsd: usdOption(flags["max-usd"]) });
  const judged: JudgedPair[] = [];
  try {
    await inParallel(records, AT_ONCE, async ({ id, pair, people }) => {
      const judgement = await judging.judgePair(judge, pair);
      judged.push({ people, judgement });
      print(JSON.stringify(shown(id, judgement)));
    });
  } finally {
    judging.stop();
  }
  for (const each of summaryOf(judged)) note(each);
}

function judgeOf(flags: JudgeFlags, { judges }: JudgeConfig): Judge {
  const role = flags.judges ?? "cheap";
  const found = judges.find(
    ({ metric, role: its }) => metric.metric === flags.metric && its === role,
  );
  if (found) return found;
  const all = judges.map(({ metric, role: its }) => `${metric.metric} ${its}`).join(", ");
  throw new Error(
    `expected --metric and --judges to name one of ${all}, got "${flags.metric ?? ""} ${role}"`,
  );
}

function recordOf({ id, better, ...pair }: z.output<typeof line>): PairRecord {
  return { id: id ?? hashOf(pair), pair, people: better };
}

function shown(id: string, { outcome, orders, spent }: PairJudgement): Record<string, unknown> {
  const usd = spent.map(({ picoUsd }) => picoUsd);
  return {
    id,
    ...outcome,
    ...(followsPlace(orders) && { follows_place: true }),
    cost_usd: usd.includes(undefined)
      ? null
      : usd.reduce<number>((sum, pico) => sum + Number(pico) / 1e12, 0),
  };
}

/** Both orders have a verdict, and it is not the same one. */
function followsPlace([given, turned]: PairJudgement["orders"]): boolean {
  return given?.status === "ok" && turned?.status === "ok" && given.better !== turned.better;
}

function summaryOf(judged: readonly JudgedPair[]): string[] {
  const verdicts = judged.flatMap(({ people, judgement: { outcome, orders } }) =>
    outcome.status === "ok" ? [{ people, better: outcome.better, orders }] : [],
  );
  const of = (which: Preference): number =>
    verdicts.filter(({ better }) => better === which).length;
  const both = verdicts.filter(({ orders }) => orders.every(({ status }) => status === "ok"));
  const twice = both.filter(({ orders }) => orders.length === 2);
  return [
    `first better ${of("first")}, second ${of("second")}, neither ${of("tie")}; without a verdict ${judged.length - verdicts.length}`,
    ...(twice.length > 0
      ? [`the verdict followed the place in ${share(twice.filter(({ orders }) => followsPlace(orders)).length, twice.length)}`]
      : []),
    ...againstPeople(verdicts),
  ]; // prettier-ignore
}

function againstPeople(
  verdicts: readonly { people: Preference | undefined; better: Preference }[],
): string[] {
  const labelled = verdicts.flatMap(({ people, better }) => (people ? [{ people, better }] : []));
  if (labelled.length === 0) return [];
  const right = labelled.filter(({ people, better }) => people === better).length;
  const table = confusionMatrix(
    labelled.map(({ people }) => people),
    labelled.map(({ better }) => better),
    PREFERENCES,
  );
  const kappa = cohenKappa(table);
  const beyondChance = kappa
    ? `; kappa ${kappa.kappa.toFixed(2)} (${kappa.low.toFixed(2)} to ${kappa.high.toFixed(2)})`
    : "";
  return [`as people say in ${share(right, labelled.length)}${beyondChance}`];
}

/** With its 95 % interval. */
function share(count: number, of: number): string {
  const { low, high } = wilson(count, of);
  const percent = (value: number): string => `${(value * 100).toFixed(0)} %`;
  return `${count} of ${of}: ${percent(count / of)} (${percent(low)} to ${percent(high)})`;
}
