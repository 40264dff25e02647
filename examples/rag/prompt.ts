/** The prompt, under a name and a version: costs and quality are compared by both. */
import type { FoundPassage } from "./retriever.ts";

export const PROMPT = { id: "handbook-answer", version: "3" } as const;

const INSTRUCTIONS = `You answer questions of Parcelwise's customers from the handbook passages below.
Use only what the passages say, in at most three sentences, and name the passages you used like this: [1].
If the passages do not contain the answer, say that the handbook does not say, and offer to ask the support team.`;

export function systemPrompt(passages: readonly FoundPassage[]): string {
  const context = passages.map(({ title, text }, i) => `[${i + 1}] ${title}\n${text}`);
  return `${INSTRUCTIONS}\n\nPassages:\n\n${context.join("\n\n")}`;
}
