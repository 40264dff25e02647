/**
 * Where the texts are in what goes into a call and comes out of it.
 *
 * `visit` is given each text and returns what is to stand there. A request is copied where a text changes, because it is
 * the caller's; an answer and the parts of a stream are new objects that nobody else has yet, and are changed in place, so
 * that they stay what the SDK made.
 */
import type { Stage, ToolCall } from "./check.ts";
import { answerTexts, answerToolCalls } from "./answer-texts.ts";
import { partEnds, partTexts } from "./part-texts.ts";
import { requestTexts } from "./request-texts.ts";

export type VisitText = (text: string) => string;
export type VisitStage = (text: string, stage: Stage) => string;
/** @param channel of texts that come side by side, such as several choices */
export type VisitPart = (text: string, channel: string) => string;

export interface Shape<Args extends unknown[] = unknown[], Answer = unknown, Part = unknown> {
  /** @default of text, and of requests as OpenAI, Anthropic and Gemini have them */
  readonly request?: (args: Args, visit: VisitStage) => readonly unknown[];
  readonly answer?: (answer: Answer, visit: VisitText) => Answer;
  /** One part of a streamed answer. */
  readonly part?: (part: Part, visit: VisitPart) => Part;
  readonly toolCalls?: (answer: Answer) => readonly ToolCall[];
}

export interface CompleteShape {
  readonly request: (args: readonly unknown[], visit: VisitStage) => unknown[];
  readonly answer: (answer: unknown, visit: VisitText) => unknown;
  readonly part: (part: unknown, visit: VisitPart) => unknown;
  /** Channels that a part says are over; their rest must come before it. */
  readonly ends: (part: unknown) => readonly string[];
  readonly toolCalls: (answer: unknown) => readonly ToolCall[];
}

export function completeShape<Args extends unknown[], Answer, Part>(
  own: Shape<Args, Answer, Part> = {},
): CompleteShape {
  return {
    request: (own.request as CompleteShape["request"] | undefined) ?? requestTexts,
    answer: (own.answer as CompleteShape["answer"] | undefined) ?? answerTexts,
    part: (own.part as CompleteShape["part"] | undefined) ?? partTexts,
    ends: own.part ? () => [] : partEnds,
    toolCalls: (own.toolCalls as CompleteShape["toolCalls"] | undefined) ?? answerToolCalls,
  };
}
