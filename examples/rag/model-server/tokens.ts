/** Tokens as OpenAI counts them: really counted, with the tokenizer of the models in question. */
import { encode as encodeEmbedding } from "gpt-tokenizer/encoding/cl100k_base";
import { decode, encode } from "gpt-tokenizer/encoding/o200k_base";
import type { Message } from "./requests.ts";

/** Special tokens in a text are text: nobody can end a message from within it. */
const AS_TEXT = { disallowedSpecial: new Set<string>() };
/** Three tokens frame each message, beside its role, and three begin the answer. */
const FRAME = [-1, -1, -1];

export function tokensOf(text: string): number[] {
  return encode(text, AS_TEXT);
}

export function textOf(tokens: readonly number[]): string {
  return decode(tokens);
}

/** All of the prompt in one sequence, -1 standing for what frames a message. */
export function promptTokens(messages: readonly Message[]): number[] {
  const tokens: number[] = [];
  for (const { role, content } of messages) {
    tokens.push(...FRAME, ...tokensOf(role));
    for (const token of tokensOf(content)) tokens.push(token);
  }
  tokens.push(...FRAME);
  return tokens;
}

export function embeddingTokens(text: string): number {
  return encodeEmbedding(text, AS_TEXT).length;
}
