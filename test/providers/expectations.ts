/** What spans have to say, in the words that the providers' tables share. */
import { PRESENT, type Expected } from "./contract.ts";

export const usage = (input: number, output: number): Expected => ({
  "gen_ai.usage.input_tokens": input,
  "gen_ai.usage.output_tokens": output,
});

export const STREAMED: Expected = {
  "gen_ai.request.stream": true,
  "gen_ai.response.time_to_first_chunk": PRESENT,
};

/** What came does not say how many tokens it was: four characters are counted as one. */
export const CUT: Expected = {
  ...STREAMED,
  "gen_ai.usage.input_tokens": PRESENT,
  "gen_ai.usage.output_tokens": PRESENT,
  "gen_ai.response.finish_reasons": ["error"],
  "assay.usage.estimated": true,
};

export const UNREAD: Expected = {
  ...CUT,
  "gen_ai.response.time_to_first_chunk": undefined,
  "gen_ai.response.id": undefined,
  "assay.stream.abandoned": true,
};

/** Of an SDK that asks for the first piece itself: whether that has text in it is a matter of time. */
export function withoutTimes(expected: Expected): Expected {
  const { "gen_ai.response.time_to_first_chunk": _, ...others } = expected;
  return others;
}

export const failed = (type: unknown): Expected => ({
  "error.type": type,
  "gen_ai.response.id": undefined,
  "gen_ai.response.finish_reasons": undefined,
  "gen_ai.usage.input_tokens": undefined,
  "gen_ai.usage.output_tokens": undefined,
});

export const message = (role: string, ...parts: unknown[]): unknown => ({ role, parts });

export const text = (content: string): unknown => ({ type: "text", content });

export const output = (reason: string, ...parts: unknown[]): Expected => ({
  "gen_ai.output.messages": JSON.stringify([{ role: "assistant", parts, finish_reason: reason }]),
});

/** What every server of ours answers. */
export const COUNTED = text("One two three four");

/** Of every call that is answered in full. */
export const ANSWERED: Expected = {
  "gen_ai.request.model": PRESENT,
  "gen_ai.input.messages": PRESENT,
  "server.address": "127.0.0.1",
  "server.port": PRESENT,
  "assay.prompt.hash": PRESENT,
  "error.type": undefined,
  "assay.stream.abandoned": undefined,
  "assay.usage.estimated": undefined,
  ...usage(12, 9),
};

/** Three calls of either kind, at once. */
export const CONCURRENT: readonly Expected[] = ["a", "b", "c"].flatMap((letter) => [
  { "gen_ai.request.model": `concurrent ${letter}` },
  { "gen_ai.request.model": `concurrent stream ${letter}`, ...STREAMED },
]);
