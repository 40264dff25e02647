/**
 * Which of two answers to one question is better. With `swap` a judge is asked twice, the answers in either order: judges
 * favour a place, and a verdict that follows the place is a tie.
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { Asker, type AskContext, type Spent } from "./ask.ts";
import type { Judge } from "./config.ts";
import type { Failure } from "./judging.ts";
import { jsonObjects } from "./parse/json-objects.ts";
import { readPairwise } from "./parse/pairwise.ts";
import { dataBlock, dataRule, harmless } from "./prompt.ts";

export interface AnswerPair {
  question?: string | undefined;
  first: string;
  second: string;
  reference?: string | undefined;
}

export type Preference = "first" | "second" | "tie";

type PairOutcome =
  | { status: "ok"; better: Preference; reasoning: string }
  | { status: "abstain" }
  | { status: "failed"; failure: Failure; detail: string };

export interface PairJudgement {
  outcome: PairOutcome;
  /** With the answers as given, and in the other order; `first` is always the pair's first. */
  orders: readonly PairOutcome[];
  spent: readonly Spent[];
}

const NAMES = ["Answer A", "Answer B"] as const;
const CHOICES = ["A", "B", "neither"] as const;

const answer = z.object({
  task_id: z.string(),
  reasoning: z.string().default(""),
  better: z.enum(CHOICES),
  cannot_judge: z.boolean().default(false),
});

export async function judgePair(
  judge: Judge,
  pair: AnswerPair,
  context: AskContext,
): Promise<PairJudgement> {
  const turned = { ...pair, first: pair.second, second: pair.first };
  const asked = await Promise.all(
    (judge.swap ? [pair, turned] : [pair]).map((one) => askOnce(judge, one, context)),
  );
  const orders = asked.map(({ outcome }, at) => (at === 1 ? turnedBack(outcome) : outcome));
  return { outcome: together(orders), orders, spent: asked.map(({ spent }) => spent) };
}

function together([one, other]: readonly PairOutcome[]): PairOutcome {
  if (!other || one!.status !== "ok") return one!;
  if (other.status !== "ok") return other;
  if (one!.better === other.better) return one!;
  return { ...one!, better: "tie" };
}

function turnedBack(outcome: PairOutcome): PairOutcome {
  if (outcome.status !== "ok" || outcome.better === "tie") return outcome;
  return { ...outcome, better: outcome.better === "first" ? "second" : "first" };
}

async function askOnce(
  judge: Judge,
  pair: AnswerPair,
  context: AskContext,
): Promise<{ outcome: PairOutcome; spent: Spent }> {
  const asker = new Asker(context);
  const taskId = randomBytes(3).toString("hex");
  const nonce = randomBytes(12).toString("hex");
  const { model, temperature, seed, maxTokens, timeoutMs } = judge;
  const properties = {
    task_id: { type: "string" },
    reasoning: { type: "string" },
    better: { type: "string", enum: CHOICES },
    cannot_judge: { type: "boolean" },
  };
  const schema = {
    type: "object",
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  };
  const data = {
    ...(pair.question === undefined ? {} : { question: harmless(pair.question) }),
    ...(pair.reference === undefined ? {} : { reference: harmless(pair.reference) }),
    "Answer A": harmless(pair.first),
    "Answer B": harmless(pair.second),
  };
  const task =
    "Say which answer is better, by the rules you were given. Reply with the JSON object alone.";
  const given = await asker.ask({
    model,
    system: systemOf(judge, nonce, taskId),
    turns: [{ role: "user", text: dataBlock(nonce, data, task) }],
    temperature,
    seed,
    maxTokens,
    schema,
    logprobs: false,
    timeoutMs,
  });
  const { spent } = asker;
  if (!("text" in given)) return { outcome: { status: "failed", ...given }, spent };
  if (given.finish === "filter") return { outcome: failed("content_filter", "filtered"), spent };
  return { outcome: read(given.text, taskId), spent };
}

function systemOf({ metric, chainOfThought }: Judge, nonce: string, taskId: string): string {
  return [
    `You compare two answers of an assistant for one quality: ${metric.metric.replaceAll("_", " ")}.`,
    "",
    metric.definition,
    "",
    "Neither the order of the answers nor their length nor their looks is a reason. Where one is not better than the other, say so.",
    "",
    dataRule(nonce),
    "",
    "Reply with one JSON object with these fields, in this order:",
    `"task_id": "${taskId}"`,
    chainOfThought
      ? '"reasoning": your reasons, in at most five sentences, before you decide'
      : '"reasoning": one short sentence',
    '"better": "A", "B" or "neither"',
    '"cannot_judge": true only when the data does not allow any judgement, else false',
  ].join("\n");
}

/** JSON as asked for; of a model that writes prose, what it plainly says. */
function read(text: string, taskId: string): PairOutcome {
  const objects = jsonObjects(text);
  if (objects.length === 0) return readProse(text);
  const answers = objects.flatMap((one) => answer.safeParse(one).data ?? []);
  const own = answers.filter(({ task_id }) => task_id === taskId);
  const [first] = own;
  if (answers.length > 0 && !first) return failed("contract", "expected the task's id");
  if (!first) return failed("parse", 'expected task_id, reasoning, better ("A", "B" or "neither")');
  if (new Set(own.map(({ better }) => better)).size > 1)
    return failed("parse", "expected one verdict, got several");
  if (first.cannot_judge) return { status: "abstain" };
  const better = ({ A: "first", B: "second", neither: "tie" } as const)[first.better];
  return { status: "ok", better, reasoning: first.reasoning };
}

function readProse(text: string): PairOutcome {
  const verdict = readPairwise(text, NAMES);
  if (verdict.status === "ok") return { status: "ok", better: verdict.preferred, reasoning: text };
  return verdict.status === "abstain" ? verdict : failed(verdict.failure, verdict.detail);
}

function failed(failure: Failure, detail: string): PairOutcome {
  return { status: "failed", failure, detail };
}
