/**
 * One record, one metric: a score, an abstention, or a reason why there is none. An answer of the wrong form is asked for
 * once more, told what was wrong; one that was cut off once more with twice the tokens; for the rest see ask.ts. A judge
 * of several samples is asked so often, and what it says most of the time counts (samples.ts).
 */
import { expectedScore, type ExpectedScore } from "@assay/statistics/expected-score";
import { Asker, NOTHING_SPENT, type AskContext, type AskFailed, type Spent } from "./ask.ts";
import type { Judge } from "./config.ts";
import type { Reading } from "./form/form.ts";
import { judgePrompt, suspectsInjection, type JudgedRecord } from "./prompt.ts";
import type { ModelAnswer, ModelRequest } from "./provider.ts";
import { combined } from "./samples.ts";
import { answerSchema, readVerdict, type Task, type Verdict } from "./verdict.ts";

export type Failure = "parse" | "contract" | "score" | "truncated" | AskFailed["failure"];

export interface Scored extends Reading {
  /** By the probabilities of the judge's own tokens, or by its samples. */
  expected: ExpectedScore | undefined;
}

export interface Judgement extends Spent {
  outcome:
    | Scored
    | { status: "abstain"; reasoning: string }
    | { status: "not_applicable"; reason: string }
    | { status: "failed"; failure: Failure; detail: string };
  repaired: boolean;
  injectionSuspected: boolean;
  /** Nobody was asked: it was known from a record with the same texts. */
  cacheHit: boolean;
}

export interface JudgingContext extends Omit<AskContext, "priceOf" | "spender"> {
  /** What an answer cost, in 1e-12 USD; undefined: not known. */
  priceOf: (judge: Judge, usage: ModelAnswer["usage"]) => bigint | undefined;
}

export async function judgeRecord(
  judge: Judge,
  record: JudgedRecord,
  context: JudgingContext,
): Promise<Judgement> {
  const injectionSuspected = suspectsInjection(record);
  const without = (outcome: Judgement["outcome"]): Judgement => ({
    ...NOTHING_SPENT,
    outcome,
    repaired: false,
    injectionSuspected,
    cacheHit: false,
  });
  const missing = judge.metric.needs.find((part) => !hasPart(record, part));
  if (missing) return without({ status: "not_applicable", reason: `no_${missing}` });
  if (injectionSuspected && judge.onInjection === "exclude")
    return without({ status: "abstain", reasoning: "left out: it may speak to its judge" });
  const samples = await Promise.all(
    Array.from({ length: judge.samples }, () => judgeOnce(judge, record, context)),
  );
  return { ...combined(samples), injectionSuspected };
}

function hasPart(record: JudgedRecord, part: keyof JudgedRecord): boolean {
  const value = record[part];
  return value !== undefined && value.length > 0;
}

async function judgeOnce(
  judge: Judge,
  record: JudgedRecord,
  context: JudgingContext,
): Promise<Judgement> {
  const { priceOf, ...rest } = context;
  const asker = new Asker({
    ...rest,
    spender: judge.hash,
    priceOf: (usage) => priceOf(judge, usage),
  });
  const { outcome, repaired } = await verdictOf(judge, record, asker);
  return { ...asker.spent, outcome, repaired, injectionSuspected: false, cacheHit: false };
}

async function verdictOf(
  judge: Judge,
  record: JudgedRecord,
  asker: Asker,
): Promise<Pick<Judgement, "outcome" | "repaired">> {
  const { metric, form } = judge;
  const prompt = judgePrompt(judge, record);
  const task: Task = { taskId: prompt.taskId, metric, form, record };
  const request = requestOf(judge, prompt.system, prompt.user);
  const ended = (outcome: Judgement["outcome"], repaired = false) => ({ outcome, repaired });
  let answer = await asker.ask(request);
  if (!isAnswer(answer)) return ended(failed(answer));
  if (answer.finish === "length") {
    answer = await asker.ask({ ...request, maxTokens: request.maxTokens * 2 });
    if (!isAnswer(answer)) return ended(failed(answer));
    if (answer.finish === "length") {
      const detail = `cut off after ${answer.usage.outputTokens} tokens`;
      return ended(failed({ failure: "truncated", detail }));
    }
  }
  if (answer.finish === "filter")
    return ended(failed({ failure: "content_filter", detail: "filtered" }));
  const verdict = readVerdict(answer.text, task);
  if (verdict.status !== "failed") return ended(concluded(judge, verdict, answer));
  const again = await asker.ask(repair(request, answer.text, verdict));
  if (!isAnswer(again)) return ended(failed(again));
  return ended(concluded(judge, readVerdict(again.text, task), again), true);
}

function requestOf(judge: Judge, system: string, user: string): ModelRequest {
  const { model, temperature, seed, maxTokens, logprobs, timeoutMs, metric, form } = judge;
  const schema = answerSchema(metric, form);
  const turns = [{ role: "user" as const, text: user }];
  return { model, system, turns, temperature, seed, maxTokens, schema, logprobs, timeoutMs };
}

function isAnswer(answer: ModelAnswer | AskFailed): answer is ModelAnswer {
  return "text" in answer;
}

function failed({ failure, detail }: { failure: Failure; detail: string }): Judgement["outcome"] {
  return { status: "failed", failure, detail: detail.slice(0, 500) };
}

function concluded(judge: Judge, verdict: Verdict, answer: ModelAnswer): Judgement["outcome"] {
  if (verdict.status === "failed") return failed(verdict);
  if (verdict.status !== "ok") return verdict;
  const scores = judge.metric.scores.map((_, at) => at + 1);
  const likely = judge.form === "scores" && answer.tokens && likelyScores(answer.tokens);
  const expected = likely ? expectedScore(likely, verdict.score, scores) : undefined;
  const norm = expected ? (expected.expected - 1) / (scores.length - 1) : verdict.norm;
  return { ...verdict, norm, expected };
}

function repair(
  request: ModelRequest,
  answer: string,
  { detail }: Extract<Verdict, { status: "failed" }>,
): ModelRequest {
  const text = `That was not it: ${detail}. Return only the JSON object that was asked for.`;
  const turns = [
    ...request.turns,
    { role: "assistant" as const, text: answer },
    { role: "user" as const, text },
  ];
  return { ...request, turns };
}

/** What was likely where the last score stands. */
function likelyScores(
  tokens: NonNullable<ModelAnswer["tokens"]>,
): NonNullable<ModelAnswer["tokens"]>[number]["likely"] | undefined {
  const text = tokens.map(({ token }) => token).join("");
  const match = [...text.matchAll(/"score"\s*:\s*"?(\d+)/g)].at(-1);
  if (!match) return undefined;
  const at = match.index + match[0].length - match[1]!.length;
  let from = 0;
  for (const { token, likely } of tokens) {
    if (at >= from && at < from + token.length) return likely;
    from += token.length;
  }
  return undefined;
}
