/** The texts of the parts that streams are made of, changed in place. */
import { count, fields, isFields, list, text } from "../untyped.ts";
import { answerTexts, set, setParts } from "./answer-texts.ts";
import type { VisitPart } from "./shapes.ts";

export function partTexts(part: unknown, visit: VisitPart): unknown {
  if (typeof part === "string") return visit(part, "");
  if (!isFields(part)) return part;
  for (const choice of list(part["choices"])) {
    const channel = `choice ${numberOf(choice)}`;
    set(fields(choice)?.["delta"], "content", (value) => visit(value, channel));
    set(choice, "text", (value) => visit(value, channel));
  }
  for (const candidate of list(part["candidates"])) {
    const channel = `candidate ${numberOf(candidate)}`;
    setParts(fields(fields(candidate)?.["content"])?.["parts"], (value) => visit(value, channel));
  }
  switch (part["type"]) {
    case "content_block_delta":
      set(part["delta"], "text", (value) => visit(value, blockOf(part)));
      break;
    case "response.output_text.delta":
      set(part, "delta", (value) => visit(value, itemOf(part)));
      break;
    case "text-delta":
      set(part, "text", (value) => visit(value, `text ${String(part["id"])}`));
      break;
  }
  return part;
}

/** Channels that are over with this part. */
export function partEnds(part: unknown): string[] {
  if (!isFields(part)) return [];
  const ends: string[] = [];
  for (const choice of list(part["choices"]))
    if (text(fields(choice)?.["finish_reason"])) ends.push(`choice ${numberOf(choice)}`);
  for (const candidate of list(part["candidates"]))
    if (text(fields(candidate)?.["finishReason"])) ends.push(`candidate ${numberOf(candidate)}`);
  if (part["type"] === "content_block_stop") ends.push(blockOf(part));
  if (part["type"] === "response.output_text.done") ends.push(itemOf(part));
  if (part["type"] === "text-end") ends.push(`text ${String(part["id"])}`);
  return ends;
}

/** Of choices and candidates; where there is one, it may have none. */
export const numberOf = (one: unknown): number => count(fields(one)?.["index"]) ?? 0;

const blockOf = (part: object): string => `block ${String(Reflect.get(part, "index"))}`;
const itemOf = (part: object): string =>
  `item ${String(Reflect.get(part, "output_index"))}.${String(Reflect.get(part, "content_index"))}`;

/** Parts at the end of OpenAI's responses say once more, whole, what came in pieces. */
export function repeatedTexts(part: unknown, visit: (text: string) => string): void {
  if (!isFields(part)) return;
  switch (part["type"]) {
    case "response.output_text.done":
      set(part, "text", visit);
      break;
    case "response.content_part.done":
      set(part["part"], "text", visit);
      break;
    case "response.output_item.done":
      setParts(fields(part["item"])?.["content"], visit);
      break;
    case "response.completed":
    case "response.incomplete":
      answerTexts(part["response"], visit);
      break;
  }
}
