/**
 * What a dialect is: a table from canonical attributes to where it says the same.
 *
 * To add one, write a file with such a table and name it in `translate.ts`. A source is a key, or a function where a
 * value must be computed; the first one that gives something wins. A canonical attribute that the span has already
 * stays, unless the dialect's `corrections` say otherwise.
 */
import { ATTR } from "@assay/instrumentation/conventions";
import type { ForeignSpan } from "./foreign-span.ts";

export type Source = string | ((span: ForeignSpan) => unknown);

export type Sources = Readonly<Record<string, readonly Source[]>>;

export interface Dialect {
  name: string;
  /** Keys, and beginnings of keys (with their dot), that only this dialect writes on spans that it describes. */
  keys: readonly string[];
  prefixes: readonly string[];
  /** Its word for what the span is → operation; a word that is not here says nothing. */
  kind?: { source: Source; operations: Readonly<Record<string, string>> };
  attributes: Sources;
  corrections?: Sources;
  /**
   * Keys (or, with a dot at the end, families) that hold prompts and answers. They leave the attributes once the
   * content's own columns have them: content has its own rights and its own retention.
   */
  input: readonly string[];
  output: readonly string[];
}

/** Operations that surround model calls, so that nothing of them is counted twice. */
export const AGENT = "invoke_agent";
export const WORKFLOW = "invoke_workflow";
export const TASK = "task";
export const TOOL = "execute_tool";
export const RETRIEVAL = "retrieval";
export const CHAT = "chat";
export const EMBEDDINGS = "embeddings";

/** For sources: a value inside an attribute that holds JSON. */
export function json(key: string, ...path: readonly (string | number)[]): Source {
  return (span) => span.json(key, ...path);
}

/** For sources: only on spans of this operation, as the dialect's own word says it. */
export function onKind(source: Source, kinds: readonly string[], from: Source): Source {
  return (span) => {
    const kind = read(span, source);
    return typeof kind === "string" && kinds.includes(kind) ? read(span, from) : undefined;
  };
}

export function read(span: ForeignSpan, source: Source): unknown {
  return typeof source === "string" ? span.get(source) : source(span);
}

export function firstOf(span: ForeignSpan, sources: readonly Source[]): unknown {
  for (const source of sources) {
    const value = read(span, source);
    if (value !== undefined && value !== null && value !== "") return value;
  }
  return undefined;
}

/** Attributes that hold a conversation or a part of it. */
export const INPUT_CONTENT: readonly string[] = [
  ATTR.inputMessages,
  ATTR.systemInstructions,
  ATTR.toolCallArguments,
  ATTR.retrievalQuery,
];
export const OUTPUT_CONTENT: readonly string[] = [
  ATTR.outputMessages,
  ATTR.toolCallResult,
  ATTR.retrievalDocuments,
];
