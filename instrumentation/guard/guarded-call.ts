/** One call under a guard, whichever way it was made, and its span. */
import { trace } from "@opentelemetry/api";
import type { Redact } from "../content-writer.ts";
import { countError } from "../health.ts";
import { currentContext } from "../llm-context.ts";
import { runtime } from "../runtime.ts";
import { currentTracing } from "../tracing.ts";
import { GuardBlockedError } from "./blocked-error.ts";
import { CallChecks } from "./call-checks.ts";
import type { Stage } from "./check.ts";
import type { CheckedText, GuardPolicy } from "./guard.ts";
import { GuardSpan } from "./guard-span.ts";
import { GuardedStream } from "./guarded-stream.ts";
import { hiding } from "./hidden-text.ts";
import { completeShape, type CompleteShape, type Shape } from "./shapes.ts";
import { estimatedTokens, modelOf, reportedUsage, spendingOf } from "./spending.ts";
import { Stop } from "./stop.ts";
import { cleanToolCalls, cleanValue } from "./tool-values.ts";

const TIME_LIMIT_MS = 50;

/** As WrapOptions, for a call of any type. */
export interface UntypedOptions {
  fallback: ((blocked: GuardBlockedError, ...args: unknown[]) => unknown) | undefined;
  documents: ((...args: unknown[]) => readonly string[]) | undefined;
  shape: Shape | undefined;
}

export interface StreamEnd {
  model: string;
  inputCharacters: number;
  fallback: ((blocked: GuardBlockedError) => unknown) | undefined;
}

/** One guarded call and its span. */
export class GuardedCall {
  readonly checks: CallChecks;
  readonly #guard: string;
  readonly #span: GuardSpan;
  readonly #hider: Redact | undefined;

  constructor(policy: GuardPolicy, hider: Redact | undefined) {
    this.#guard = policy.name;
    this.#span = new GuardSpan(policy.name);
    this.#hider = hider;
    const context = currentContext();
    this.checks = new CallChecks({
      guard: policy.name,
      checks: policy.checks,
      timeLimitMs: policy.timeLimitMs ?? TIME_LIMIT_MS,
      span: this.#span,
      context: {
        project: context?.project ?? runtime.settings.project,
        session: context?.session,
        user: context?.user,
        run: context?.session ?? traceAround(),
      },
    });
  }

  async wrapped(
    args: unknown[],
    fn: (args: unknown[]) => unknown,
    options: UntypedOptions,
  ): Promise<unknown> {
    const shape = completeShape(options.shape);
    const model = modelOf(args[0]);
    const fallback =
      options.fallback && ((blocked: GuardBlockedError) => options.fallback?.(blocked, ...args));
    let isStream = false;
    try {
      return await this.#inside(async () => {
        const { given, characters } = await this.#request(args, shape, options);
        const answer = await hiding(this.#hider, () => fn(given));
        const end = { model, inputCharacters: characters, fallback };
        isStream = isIterable(answer);
        return isStream
          ? this.stream(answer as AsyncIterable<unknown>, shape, end)
          : await this.#answer(answer, shape, end);
      });
    } catch (error) {
      // Awaited here so that what the fallback does is still part of this call.
      return await this.#stopped(error, fallback);
    } finally {
      if (!isStream) this.#span.end();
    }
  }

  async text(stage: Stage, text: string, documents: readonly string[]): Promise<CheckedText> {
    this.checks.grounds = documents;
    try {
      const clean = await this.#inside(() =>
        this.#ours([text], "checking a text", () => this.checks.texts(stage, [text])),
      );
      return { action: this.#span.strongest as CheckedText["action"], text: clean[0] ?? text };
    } catch (error) {
      return (await this.#stopped(error, () => ({ action: "fallback", text: "" }))) as CheckedText;
    } finally {
      this.#span.end();
    }
  }

  async tool(name: string, args: unknown[], fn: (args: unknown[]) => unknown): Promise<unknown> {
    try {
      return await this.#inside(async () => {
        const given = await this.#ours(args, "checking a tool's arguments", async () => {
          this.checks.toolCall({ name, arguments: args[0] });
          const first = await cleanValue(args[0], (text) => this.checks.texts("tool_call", [text]));
          return first === args[0] ? args : [first, ...args.slice(1)];
        });
        const result = await hiding(this.#hider, () => fn(given));
        return this.#ours(result, "checking a tool's result", () =>
          cleanValue(result, (text) => this.checks.texts("tool_result", [text])),
        );
      });
    } catch (error) {
      return await this.#stopped(error, undefined);
    } finally {
      this.#span.end();
    }
  }

  async *stream(
    parts: AsyncIterable<unknown>,
    shape: CompleteShape,
    end: StreamEnd,
  ): AsyncGenerator<unknown, void, undefined> {
    // The part that is in the making belongs to the guard's span, wherever it is asked for.
    const iterator = this.#inside(() => parts[Symbol.asyncIterator]());
    const stream = new GuardedStream({
      checks: this.checks,
      shape,
      grown: (characters) => this.checks.growing(this.#estimate(end, characters)),
    });
    let usage: ReturnType<typeof reportedUsage>;
    let isOver = false;
    try {
      for (;;) {
        const { done, value } = await this.#inside(() => iterator.next());
        if (done) break;
        usage = reportedUsage(value) ?? usage;
        yield* await this.#ours([value], "checking a part of a stream", () => stream.take(value));
      }
      isOver = true;
      yield* await this.#ours([], "checking the end of a stream", () => stream.finish());
    } catch (error) {
      if (!(error instanceof Stop)) isOver = true;
      const instead = await this.#stopped(error, end.fallback);
      if (isIterable(instead)) yield* instead as AsyncIterable<unknown>;
      else if (instead !== undefined) yield instead;
    } finally {
      // Stopped, or left by who reads it: the request is to end too.
      if (!isOver) await closeQuietly(iterator);
      stream.note();
      this.#spent(end, usage, stream.characters);
      this.#span.end();
    }
  }

  async #request(
    args: unknown[],
    shape: CompleteShape,
    options: UntypedOptions,
  ): Promise<{ given: unknown[]; characters: number }> {
    return this.#ours({ given: args, characters: 0 }, "checking a request", async () => {
      const found: { text: string; stage: Stage }[] = [];
      shape.request(args, (text, stage) => {
        found.push({ text, stage });
        return text;
      });
      const characters = found.reduce((sum, { text }) => sum + text.length, 0);
      this.checks.grounds = options.documents?.(...args) ?? found.map(({ text }) => text);
      this.checks.before(spendingOf(estimatedTokens(characters), 0, modelOf(args[0])));
      const clean = found.map(({ text }) => text);
      for (const stage of new Set(found.map((one) => one.stage))) {
        const at = found.flatMap((one, index) => (one.stage === stage ? [index] : []));
        const texts = await this.checks.texts(
          stage,
          at.map((index) => found[index]!.text),
        );
        texts.forEach((text, index) => (clean[at[index]!] = text));
      }
      if (clean.every((text, index) => text === found[index]!.text))
        return { given: args, characters };
      let next = 0;
      return { given: shape.request(args, (text) => clean[next++] ?? text), characters };
    });
  }

  async #answer(answer: unknown, shape: CompleteShape, end: StreamEnd): Promise<unknown> {
    const texts: string[] = [];
    try {
      return await this.#ours(answer, "checking an answer", async () => {
        shape.answer(answer, (text) => {
          texts.push(text);
          return text;
        });
        await cleanToolCalls(shape.toolCalls(answer), this.checks);
        const clean = await this.checks.texts("output", texts);
        if (clean.every((text, index) => text === texts[index])) return answer;
        let next = 0;
        return shape.answer(answer, (text) => clean[next++] ?? text);
      });
    } finally {
      const characters = texts.reduce((sum, text) => sum + text.length, 0);
      this.#spent(end, reportedUsage(answer), characters);
    }
  }

  #spent(end: StreamEnd, usage: ReturnType<typeof reportedUsage>, characters: number): void {
    const spending = usage
      ? spendingOf(usage.inputTokens, usage.outputTokens, end.model)
      : this.#estimate(end, characters);
    this.checks.spent(spending);
  }

  #estimate(end: StreamEnd, characters: number): ReturnType<typeof spendingOf> {
    return spendingOf(estimatedTokens(end.inputCharacters), estimatedTokens(characters), end.model);
  }

  #inside<T>(work: () => T): T {
    return this.#span.run(() => hiding(this.#hider, work));
  }

  /** A step of ours. When it fails the call goes on with what there was, unless a check is to fail closed. */
  async #ours<T>(otherwise: T, step: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Stop) throw error;
      countError(step, error);
      if (!this.checks.isClosed) return otherwise;
      throw new GuardBlockedError({
        guard: this.#guard,
        check: "guard",
        stage: "input",
        types: [error instanceof Error ? error.constructor.name : "unknown"],
      });
    }
  }

  async #stopped(
    error: unknown,
    fallback: ((blocked: GuardBlockedError) => unknown) | undefined,
  ): Promise<unknown> {
    if (!(error instanceof Stop)) {
      if (!(error instanceof GuardBlockedError)) this.#span.end(error);
      throw error;
    }
    const { tally } = error;
    const blocked = new GuardBlockedError({
      guard: this.#guard,
      check: tally.check.name,
      stage: tally.stage,
      types: tally.error === undefined ? [...tally.types] : [tally.error],
    });
    if (tally.outcome !== "fallback" || !fallback) throw blocked;
    return fallback(blocked);
  }
}

function traceAround(): string {
  const tracing = currentTracing();
  return (tracing && trace.getSpanContext(tracing.active())?.traceId) ?? "";
}

function isIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

async function closeQuietly(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // The answer is not wanted any more, nor why it could not be closed.
  }
}
