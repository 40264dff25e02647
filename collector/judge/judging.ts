/**
 * One record, one metric: asked until there is a score, an abstention, or a reason why there is none. What became of each
 * attempt decides the next:
 *
 *   no answer, 5xx     again, up to four times; while the provider is away for everybody, when it is back
 *   429                when it says so, up to six times; fewer calls at a time
 *   wrong form         once more, told what was wrong
 *   cut off            once more, with twice the tokens
 *   401, 402, 403, 404 when a person has seen to it: the provider is closed
 *   filtered, refused  failed
 *   no money left      failed
 *
 * After two days a record is given up, whatever it waits for.
 */
import { setTimeout as delay } from "node:timers/promises";
import { expectedScore, type ExpectedScore } from "@assay/statistics/expected-score";
import type { Budget } from "./budget.ts";
import type { Judge } from "./config.ts";
import type { Gate } from "./gate.ts";
import { judgePrompt, suspectsInjection, type JudgedRecord } from "./prompt.ts";
import { CallError, type CallModel, type ModelAnswer, type ModelRequest } from "./provider.ts";
import { answerSchema, readVerdict, type Verdict } from "./verdict.ts";

const MOST_UNAVAILABLE = 4;
const MOST_RATE_LIMITED = 6;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
const OLDEST_MS = 48 * 3_600_000;

export type Failure =
  | "parse"
  | "contract"
  | "score"
  | "truncated"
  | "content_filter"
  | "refused"
  | "unavailable"
  | "rate_limit"
  | "budget"
  | "expired";

export interface Judgement {
  outcome:
    | { status: "ok"; score: number; expected: ExpectedScore | undefined }
    | { status: "abstain" }
    | { status: "not_applicable"; reason: string }
    | { status: "failed"; failure: Failure; detail: string };
  reasoning: string;
  evidence: readonly string[];
  attempts: number;
  repaired: boolean;
  injectionSuspected: boolean;
  /** Of the last answer. */
  model: string;
  fingerprint: string;
  inputTokens: number;
  outputTokens: number;
  /** Of all attempts, in 1e-12 USD; undefined: not known. */
  picoUsd: bigint | undefined;
  latencyMs: number;
}

export interface Provider {
  call: CallModel;
  gate: Gate;
}

export interface JudgingContext {
  provider: Provider;
  budget: Budget;
  /** What an answer cost, in 1e-12 USD; undefined: not known. */
  priceOf: (judge: Judge, usage: ModelAnswer["usage"]) => bigint | undefined;
  signal: AbortSignal;
  /** When the record was received. */
  receivedAtUnixMs: number;
  now?: () => number;
  /** Between attempts. @default exponential with full jitter, from 1 s to 60 s */
  pauseMs?: (attempt: number) => number;
}

export async function judgeRecord(
  judge: Judge,
  record: JudgedRecord,
  context: JudgingContext,
): Promise<Judgement> {
  const attempt = new Attempts(judge, record, context);
  const missing = judge.metric.needs.find((part) => !hasPart(record, part));
  if (missing) return attempt.end({ status: "not_applicable", reason: `no_${missing}` });
  if (attempt.judgement.injectionSuspected && judge.onInjection === "exclude")
    return attempt.end({ status: "abstain" });
  return attempt.run();
}

function hasPart(record: JudgedRecord, part: keyof JudgedRecord): boolean {
  const value = record[part];
  return value !== undefined && value.length > 0;
}

class Attempts {
  readonly judgement: Judgement;
  readonly #judge: Judge;
  readonly #context: JudgingContext;
  readonly #record: JudgedRecord;
  readonly #began = performance.now();

  constructor(judge: Judge, record: JudgedRecord, context: JudgingContext) {
    this.#judge = judge;
    this.#record = record;
    this.#context = context;
    this.judgement = {
      outcome: { status: "abstain" },
      reasoning: "",
      evidence: [],
      attempts: 0,
      repaired: false,
      injectionSuspected: suspectsInjection(record),
      model: "",
      fingerprint: "",
      inputTokens: 0,
      outputTokens: 0,
      picoUsd: 0n,
      latencyMs: 0,
    };
  }

  end(outcome: Judgement["outcome"]): Judgement {
    this.judgement.outcome = outcome;
    return this.judgement;
  }

  async run(): Promise<Judgement> {
    const prompt = judgePrompt(this.#judge, this.#record);
    const request = this.#request(prompt.system, prompt.user);
    const highest = this.#judge.metric.scores.length;
    const first = await this.#ask(request);
    if (!("text" in first)) return this.end(first);
    let answer: ModelAnswer = first;
    if (answer.finish === "length") {
      const longer = await this.#ask({ ...request, maxTokens: request.maxTokens * 2 });
      if (!("text" in longer)) return this.end(longer);
      answer = longer;
      if (answer.finish === "length")
        return this.end(failed("truncated", `cut off after ${answer.usage.outputTokens} tokens`));
    }
    if (answer.finish === "filter") return this.end(failed("content_filter", "filtered"));
    let verdict = readVerdict(answer.text, prompt.taskId, highest);
    if (verdict.status === "failed") {
      const again = await this.#ask(repair(request, answer.text, verdict));
      if (!("text" in again)) return this.end(again);
      answer = again;
      this.judgement.repaired = true;
      verdict = readVerdict(answer.text, prompt.taskId, highest);
    }
    return this.#conclude(verdict, answer);
  }

  #request(system: string, user: string): ModelRequest {
    const { model, temperature, seed, maxTokens, logprobs, timeoutMs, metric } = this.#judge;
    const schema = answerSchema(metric.scores.length);
    const turns = [{ role: "user" as const, text: user }];
    return { model, system, turns, temperature, seed, maxTokens, schema, logprobs, timeoutMs };
  }

  #conclude(verdict: Verdict, answer: ModelAnswer): Judgement {
    if (verdict.status === "failed") return this.end(failed(verdict.failure, verdict.detail));
    this.judgement.reasoning = verdict.reasoning;
    if (verdict.status === "abstain") return this.end({ status: "abstain" });
    this.judgement.evidence = verdict.evidence;
    const { score } = verdict;
    const scores = this.#judge.metric.scores.map((_, at) => at + 1);
    const likely = answer.tokens && likelyScores(answer.tokens);
    return this.end({
      status: "ok",
      score,
      expected: likely && expectedScore(likely, score, scores),
    });
  }

  /** An answer, or how it ended without one. */
  async #ask(request: ModelRequest): Promise<ModelAnswer | Judgement["outcome"]> {
    const { provider, signal, now = Date.now, pauseMs = jittered } = this.#context;
    const { gate } = provider;
    let [unavailable, rateLimited] = [0, 0];
    const asked = performance.now();
    for (;;) {
      if (now() - this.#context.receivedAtUnixMs > OLDEST_MS)
        return failed("expired", "waited for two days");
      await gate.enter(signal);
      const money = this.#context.budget.reserve();
      if (!money) {
        gate.ended();
        return failed("budget", "today's money is spent");
      }
      this.judgement.attempts++;
      try {
        const answer = await provider.call(request, signal);
        gate.succeeded();
        money.settle(this.#count(answer));
        return answer;
      } catch (error) {
        money.settle(undefined);
        if (!(error instanceof CallError)) {
          gate.ended();
          throw error;
        }
        switch (error.failure) {
          case "filter":
            gate.ended();
            return failed("content_filter", error.message);
          case "refused":
            gate.ended();
            return failed("refused", error.message);
          case "denied":
            gate.close(error.message);
            break;
          case "rate_limit":
            gate.tooMuch();
            if (++rateLimited > MOST_RATE_LIMITED) return failed("rate_limit", error.message);
            await delay(error.retryAfterMs ?? pauseMs(rateLimited), undefined, { signal });
            break;
          case "unavailable":
            if (unavailable < MOST_UNAVAILABLE) {
              gate.ended();
              await delay(pauseMs(unavailable++), undefined, { signal });
            } else if (gate.lastSuccess > asked) {
              gate.ended(); // it answers others
              return failed("unavailable", error.message);
            } else gate.close(error.message);
        }
      }
    }
  }

  /** In USD. */
  #count({ usage, model, fingerprint }: ModelAnswer): number | undefined {
    const { judgement } = this;
    judgement.model = model;
    judgement.fingerprint = fingerprint;
    judgement.inputTokens += usage.inputTokens;
    judgement.outputTokens += usage.outputTokens;
    judgement.latencyMs = performance.now() - this.#began;
    const cost = this.#context.priceOf(this.#judge, usage);
    judgement.picoUsd =
      cost === undefined || judgement.picoUsd === undefined ? undefined : judgement.picoUsd + cost;
    return cost === undefined ? undefined : Number(cost) / 1e12;
  }
}

function failed(failure: Failure, detail: string): Judgement["outcome"] {
  return { status: "failed", failure, detail: detail.slice(0, 500) };
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

/** Full jitter. */
function jittered(attempt: number): number {
  return Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
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
