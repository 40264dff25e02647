/**
 * Spans of other instrumentations in the words of the GenAI conventions.
 *
 * Off the hot path: the encoder asks `isForeignKey` once for each attribute key that it has not seen, and only spans
 * with such a key come here. The span is decoded, each dialect whose keys it has adds what its table says, and a whole
 * new span comes out, for the columns alone: log and forwarding keep the bytes as they were sent.
 *
 * What it promises: it never throws, its work is linear in the span's size, and nothing is lost but prompts and
 * answers that the content columns now hold. What it does not do: look at other spans, or at resource and scope.
 */
import { ATTR, MODEL_OPERATIONS } from "@assay/instrumentation/conventions";
import type { Canonical } from "./any-value.ts";
import { azureAi } from "./azure-ai.ts";
import { canonicalValue } from "./canonical.ts";
import {
  type Dialect,
  firstOf,
  INPUT_CONTENT,
  OUTPUT_CONTENT,
  read,
  type Sources,
} from "./dialect.ts";
import { ForeignSpan } from "./foreign-span.ts";
import { langfuse } from "./langfuse.ts";
import { langsmith } from "./langsmith.ts";
import { mlflow } from "./mlflow.ts";
import { olderGenAi } from "./older-gen-ai.ts";
import { openinference } from "./openinference.ts";
import { openlit } from "./openlit.ts";
import { hashOfPrompt } from "./prompt-hash.ts";
import { pydanticAi } from "./pydantic-ai.ts";
import { SpanMessage } from "./span-message.ts";
import { text } from "./value.ts";
import { traceloop } from "./traceloop.ts";
import { vercelAi } from "./vercel-ai.ts";
import { operationName, providerOfModel } from "./words.ts";

/** Where two say the same thing, the first one is believed. */
const DIALECTS: readonly Dialect[] = [
  langfuse,
  openinference,
  vercelAi,
  mlflow,
  pydanticAi,
  langsmith,
  openlit,
  traceloop,
  azureAi,
  olderGenAi,
];

const dialectsOfKey = new Map<string, Dialect[]>();
for (const dialect of DIALECTS)
  for (const key of dialect.keys)
    dialectsOfKey.set(key, [...(dialectsOfKey.get(key) ?? []), dialect]);

const prefixes = DIALECTS.flatMap((dialect) =>
  dialect.prefixes.map((prefix) => ({ prefix, dialect })),
);

/** Whether a span with this attribute may need translation. A few dozen comparisons: ask once per key. */
export function isForeignKey(key: string): boolean {
  return dialectsOfKey.has(key) || prefixes.some(({ prefix }) => key.startsWith(prefix));
}

interface TranslateStats {
  /** Spans in which something changed. */
  translated: number;
  /** Spans that stayed as they were because translating them failed. */
  failed: number;
}

const stats: TranslateStats = { translated: 0, failed: 0 };

export function translateStats(): TranslateStats {
  return { ...stats };
}

/**
 * @param at where the Span message begins in `body`, after tag and length
 * @returns a Span message of its own, or undefined: the span stays as it is
 */
export function translate(
  body: Uint8Array,
  at: number,
  end: number,
): Uint8Array<ArrayBuffer> | undefined {
  try {
    const message = new SpanMessage(body, at, end);
    const span = new ForeignSpan(message);
    const spoken = dialectsOf(span);
    if (spoken.length === 0) return undefined;
    const translation = new Translation(span, spoken);
    const { added } = translation;
    const isConsumed = translation.consumed();
    if (added.size === 0 && ![...span.keys()].some(isConsumed)) return undefined;
    const rewritten = message.rewrite(added, isConsumed);
    stats.translated++;
    return rewritten;
  } catch {
    // A sender's value that no table expects: the span is stored as it came, and counted.
    stats.failed++;
    return undefined;
  }
}

function dialectsOf(span: ForeignSpan): Dialect[] {
  const spoken = new Set<Dialect>();
  for (const key of span.keys()) {
    for (const dialect of dialectsOfKey.get(key) ?? []) spoken.add(dialect);
    for (const { prefix, dialect } of prefixes) if (key.startsWith(prefix)) spoken.add(dialect);
  }
  return DIALECTS.filter((dialect) => spoken.has(dialect));
}

class Translation {
  readonly added = new Map<string, Canonical>();
  readonly #span: ForeignSpan;
  readonly #spoken: readonly Dialect[];

  constructor(span: ForeignSpan, spoken: readonly Dialect[]) {
    this.#span = span;
    this.#spoken = spoken;
    this.#putOperation();
    for (const { corrections } of spoken) if (corrections) this.#put(corrections, true);
    for (const { attributes } of spoken) this.#put(attributes, false);
    this.#putProvider();
    this.#putOwnWords();
    if (this.#isModelCall() && this.#valueOf(ATTR.assayPromptHash) === undefined)
      this.#add(
        ATTR.assayPromptHash,
        hashOfPrompt((key) => this.#valueOf(key)),
      );
  }

  #valueOf(key: string): unknown {
    return this.added.get(key) ?? this.#span.get(key);
  }

  #add(key: string, value: unknown): void {
    const canonical = value === undefined ? undefined : canonicalValue(key, value);
    if (canonical !== undefined && canonical !== this.#span.get(key))
      this.added.set(key, canonical);
  }

  #put(sources: Sources, overrules: boolean): void {
    for (const [key, list] of Object.entries(sources)) {
      if (this.added.has(key) || (!overrules && isSaid(this.#span.get(key)))) continue;
      this.#add(key, firstOf(this.#span, list));
    }
  }

  /**
   * What surrounds model calls must not count as one, whatever it calls itself; else the span's own operation stands,
   * unless it is none that the conventions know.
   */
  #putOperation(): void {
    const said = text(this.#span.get(ATTR.operationName));
    const own = said === undefined ? undefined : operationName(said);
    const meant = this.#meantOperation();
    if (meant !== undefined && (own === undefined || overrules(meant, own)))
      this.#add(ATTR.operationName, meant);
    else if (own !== undefined) this.#add(ATTR.operationName, own);
  }

  #meantOperation(): string | undefined {
    for (const { kind } of this.#spoken) {
      if (kind === undefined) continue;
      const word = text(read(this.#span, kind.source));
      if (word !== undefined && Object.hasOwn(kind.operations, word)) return kind.operations[word];
    }
    return undefined;
  }

  #putProvider(): void {
    const said = this.#valueOf(ATTR.providerName) ?? this.#span.get("gen_ai.system");
    if (isSaid(said)) this.#add(ATTR.providerName, said);
    else if (this.#isModelCall())
      this.#add(
        ATTR.providerName,
        providerOfModel(this.#valueOf(ATTR.responseModel) ?? this.#valueOf(ATTR.requestModel)),
      );
  }

  /** What the span says in the conventions' names but not in their words. */
  #putOwnWords(): void {
    for (const key of [ATTR.responseFinishReasons, ATTR.toolDefinitions]) {
      const said = this.#span.get(key);
      if (isSaid(said)) this.#add(key, said);
    }
  }

  #isModelCall(): boolean {
    const operation = this.#valueOf(ATTR.operationName);
    return typeof operation === "string" && MODEL_OPERATIONS.has(operation);
  }

  /** Content that the content's own attributes now hold. */
  consumed(): (key: string) => boolean {
    const keys = new Set<string>();
    const families: string[] = [];
    for (const { input, output } of this.#spoken) {
      if (INPUT_CONTENT.some((key) => isSaid(this.#valueOf(key)))) sort(input, keys, families);
      if (OUTPUT_CONTENT.some((key) => isSaid(this.#valueOf(key)))) sort(output, keys, families);
    }
    return (key) => keys.has(key) || families.some((family) => key.startsWith(family));
  }
}

/** Operations that surround model calls: a dialect that sees a model in them is wrong. */
const SURROUNDING: ReadonlySet<string> = new Set([
  "agent_step",
  "create_agent",
  "execute_tool",
  "fetch_response",
  "invoke_agent",
  "invoke_workflow",
  "plan",
  "retrieval",
]);

function overrules(meant: string, own: string): boolean {
  if (SURROUNDING.has(own)) return false;
  return !MODEL_OPERATIONS.has(own) || !MODEL_OPERATIONS.has(meant);
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

function sort(from: readonly string[], keys: Set<string>, families: string[]): void {
  for (const key of from)
    if (key.endsWith(".")) families.push(key);
    else keys.add(key);
}
