/**
 * One request to a model, asked until there is an answer or a reason why there is none:
 *
 *   no answer, 5xx     again, up to four times; while the provider is away for everybody, when it is back
 *   429                when it says so, up to six times; fewer calls at a time
 *   401, 402, 403, 404 when a person has seen to it: the provider is closed
 *   filtered, refused  failed
 *   no money left      failed
 *
 * After two days it is given up, whatever it waits for. What all attempts took is added up.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Gate } from "./gate.ts";
import type { Purse } from "./money.ts";
import {
  CallError,
  type CallModel,
  type Embeddings,
  type EmbeddingRequest,
  type EmbedTexts,
  type ModelAnswer,
  type ModelRequest,
} from "./provider.ts";

const MOST_UNAVAILABLE = 4;
const MOST_RATE_LIMITED = 6;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
const OLDEST_MS = 48 * 3_600_000;

export interface Provider {
  call: CallModel;
  /** Undefined: it makes none. */
  embed?: EmbedTexts;
  gate: Gate;
}

/** What every kind of answer says of itself. */
type Answer = Pick<ModelAnswer, "model" | "fingerprint" | "usage">;

export interface AskContext {
  provider: Provider;
  budget: Purse;
  /** Whose money it is: one call of each may be more than there was. */
  spender: string;
  /** What so many tokens cost, in 1e-12 USD; undefined: not known. */
  priceOf: (usage: ModelAnswer["usage"]) => bigint | undefined;
  signal: AbortSignal;
  /** When what it is about was received. */
  receivedAtUnixMs: number;
  now?: () => number;
  /** Between attempts. @default exponential with full jitter, from 1 s to 60 s */
  pauseMs?: (attempt: number) => number;
}

export interface AskFailed {
  failure: "unavailable" | "rate_limit" | "content_filter" | "refused" | "budget" | "expired";
  detail: string;
}

/** Of all attempts. */
export interface Spent {
  attempts: number;
  inputTokens: number;
  outputTokens: number;
  /** In 1e-12 USD; undefined: not known. */
  picoUsd: bigint | undefined;
  /** From the first attempt to the last answer. */
  latencyMs: number;
  /** Of the last answer. */
  model: string;
  fingerprint: string;
}

export const NOTHING_SPENT: Spent = {
  attempts: 0,
  inputTokens: 0,
  outputTokens: 0,
  picoUsd: 0n,
  latencyMs: 0,
  model: "",
  fingerprint: "",
};

export class Asker {
  readonly spent: Spent = { ...NOTHING_SPENT };
  readonly #context: AskContext;
  readonly #began = performance.now();

  constructor(context: AskContext) {
    this.#context = context;
  }

  ask(request: ModelRequest): Promise<ModelAnswer | AskFailed> {
    const { provider, signal } = this.#context;
    return this.#attempt(mostTokens(request), () => provider.call(request, signal));
  }

  /** @throws RangeError for a provider that makes no embeddings */
  embed(request: EmbeddingRequest): Promise<Embeddings | AskFailed> {
    const { provider, signal } = this.#context;
    const { embed } = provider;
    if (!embed) throw new RangeError("expected a provider that makes embeddings");
    return this.#attempt({ inputTokens: bytesOf(request.texts), outputTokens: 0 }, () =>
      embed(request, signal),
    );
  }

  async #attempt<Given extends Answer>(
    most: ModelAnswer["usage"],
    call: () => Promise<Given>,
  ): Promise<Given | AskFailed> {
    const { provider, budget, spender, signal, now = Date.now, pauseMs = jittered } = this.#context;
    const { gate } = provider;
    const mostUsd = this.#usd(most) ?? 0;
    let [unavailable, rateLimited] = [0, 0];
    const asked = performance.now();
    for (;;) {
      if (now() - this.#context.receivedAtUnixMs > OLDEST_MS)
        return { failure: "expired", detail: "waited for two days" };
      await gate.enter(signal);
      const money = await budget.reserve(spender, mostUsd, signal).catch((error: unknown) => {
        gate.ended();
        throw error;
      });
      if (!money) {
        gate.ended();
        return { failure: "budget", detail: "the money for this time is spent" };
      }
      this.spent.attempts++;
      try {
        const answer = await call();
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
            return { failure: "content_filter", detail: error.message };
          case "refused":
            gate.ended();
            return { failure: "refused", detail: error.message };
          case "denied":
            gate.close(error.message);
            break;
          case "rate_limit":
            gate.tooMuch();
            if (++rateLimited > MOST_RATE_LIMITED)
              return { failure: "rate_limit", detail: error.message };
            await delay(error.retryAfterMs ?? pauseMs(rateLimited), undefined, { signal });
            break;
          case "unavailable":
            if (unavailable < MOST_UNAVAILABLE) {
              gate.ended();
              await delay(pauseMs(unavailable++), undefined, { signal });
            } else if (gate.lastSuccess > asked) {
              gate.ended(); // it answers others
              return { failure: "unavailable", detail: error.message };
            } else gate.close(error.message);
        }
      }
    }
  }

  #count({ usage, model, fingerprint }: Answer): number | undefined {
    const { spent } = this;
    spent.model = model;
    spent.fingerprint = fingerprint;
    spent.inputTokens += usage.inputTokens;
    spent.outputTokens += usage.outputTokens;
    spent.latencyMs = performance.now() - this.#began;
    const cost = this.#context.priceOf(usage);
    spent.picoUsd =
      cost === undefined || spent.picoUsd === undefined ? undefined : spent.picoUsd + cost;
    return cost === undefined ? undefined : Number(cost) / 1e12;
  }

  #usd(usage: ModelAnswer["usage"]): number | undefined {
    const cost = this.#context.priceOf(usage);
    return cost === undefined ? undefined : Number(cost) / 1e12;
  }
}

/** No token is less than a byte, and around each message there are a few. */
function mostTokens({ system, turns, maxTokens }: ModelRequest): ModelAnswer["usage"] {
  const texts = [system, ...turns.map(({ text }) => text)];
  return { inputTokens: bytesOf(texts), outputTokens: maxTokens };
}

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 16, 0);
}

/** Full jitter. */
function jittered(attempt: number): number {
  return Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
}
