/**
 * Judgements of texts that were judged before: a popular question is answered, and judged, many times alike. Only of
 * judges whose temperature is low, and of traffic: who asks whether a judge says the same twice has to ask it twice.
 */
import type { Judge } from "./config.ts";
import { hashOf } from "./judge-hash.ts";
import { NOTHING_SPENT } from "./ask.ts";
import type { Judgement } from "./judging.ts";
import type { JudgedRecord } from "./prompt.ts";

const MOST_TEMPERATURE = 0.2;
const CAPACITY = 10_000;

export class AnswerCache {
  /** In the order in which they were last used. */
  readonly #kept = new Map<string, Promise<Judgement>>();
  readonly #capacity: number;

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
  }

  /** From an equal record that is known or under way, else what `judge` resolves to. What failed is not kept. */
  async judged(
    judge: Judge,
    { question, answer, context, reference }: JudgedRecord,
    ask: () => Promise<Judgement>,
  ): Promise<Judgement> {
    if (judge.temperature > MOST_TEMPERATURE) return ask();
    const texts = { question, answer, context, reference };
    const key = hashOf([judge.hash, JSON.stringify(texts)]);
    const known = this.#kept.get(key);
    this.#kept.delete(key);
    if (known) {
      this.#kept.set(key, known);
      const found = await known.catch(() => undefined);
      if (found && isKept(found))
        return { ...found, ...NOTHING_SPENT, ...names(found), cacheHit: true };
      return ask();
    }
    const asked = ask();
    this.#kept.set(key, asked);
    if (this.#kept.size > this.#capacity) this.#kept.delete(this.#kept.keys().next().value!);
    const forget = (): void => {
      if (this.#kept.get(key) === asked) this.#kept.delete(key);
    };
    asked.then((judgement) => isKept(judgement) || forget(), forget);
    return asked;
  }
}

function names({ model, fingerprint }: Judgement): Pick<Judgement, "model" | "fingerprint"> {
  return { model, fingerprint };
}

function isKept({ outcome, attempts }: Judgement): boolean {
  return attempts > 0 && (outcome.status === "ok" || outcome.status === "abstain");
}
