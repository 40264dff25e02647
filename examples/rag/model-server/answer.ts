/**
 * The stand-in's answer: the sentences of the given passages that share most with the question. No model thinks here;
 * but what it says is in the passages, so that retrieval, prompts and prices behave as with a real one.
 */
import type { Message } from "./requests.ts";

const MAX_SENTENCES = 2;

export function answerTo(messages: readonly Message[]): string {
  const question = messages.findLast(({ role }) => role === "user")?.content ?? "";
  const instructions = messages.filter(({ role }) => role === "system" || role === "developer");
  const sentences = sentencesOf(instructions.map(({ content }) => content).join("\n"));
  const best = rank(wordsOf(question), sentences).slice(0, MAX_SENTENCES);
  if (best.length === 0) {
    return "The handbook does not say. Shall I pass your question on to the support team?";
  }
  return best.map(({ text, passage }) => `${text} [${passage}]`).join(" ");
}

interface Sentence {
  text: string;
  /** Its number, as in `[1] Title`. */
  passage: number;
  words: Set<string>;
  /** Words of the passage's title. */
  title: Set<string>;
}

function sentencesOf(context: string): Sentence[] {
  const sentences: Sentence[] = [];
  for (const { number, heading, text } of passagesOf(context)) {
    const title = wordsOf(heading);
    for (const sentence of text.split(/(?<=[.!?])\s+/)) {
      const trimmed = sentence.trim();
      if (trimmed !== "") {
        sentences.push({ text: trimmed, passage: number, words: wordsOf(trimmed), title });
      }
    }
  }
  return sentences;
}

/** `[1] Title` and its text, or else the paragraphs after a line `Passages:`. */
function passagesOf(context: string): { number: number; heading: string; text: string }[] {
  const numbered = [...context.matchAll(/^\[(\d+)\] (.*)\n((?:(?!^\[\d+\] ).*\n?)*)/gm)];
  if (numbered.length > 0)
    return numbered.map(([, number, heading = "", text = ""]) => ({
      number: Number(number),
      heading,
      text,
    }));
  const [, paragraphs = ""] = context.split(/^Passages:$/m);
  return paragraphs.split(/\n{2,}/).map((text, i) => ({ number: i, heading: "", text }));
}

/** By the rarity of the shared words; a second sentence only where it is nearly as good. */
function rank(question: ReadonlySet<string>, sentences: readonly Sentence[]): Sentence[] {
  const rarity = (word: string) =>
    Math.log(1 + sentences.length / (1 + sentences.filter(({ words }) => words.has(word)).length));
  const scored = sentences.map((sentence) => {
    let score = 0;
    let shared = 0;
    for (const word of question) {
      if (sentence.words.has(word)) score += rarity(word);
      else if (sentence.title.has(word)) score += rarity(word) / 2;
      else continue;
      shared++;
    }
    return { sentence, score, shared };
  });
  scored.sort((a, b) => b.score - a.score);
  const top = scored[0];
  if (top === undefined || top.shared < Math.min(2, question.size) || top.score === 0) return [];
  return scored.filter(({ score }) => score >= 0.7 * top.score).map(({ sentence }) => sentence);
}

const STOP_WORDS = new Set(
  "a about an and any are as at be been but by can could do does for from get had has have how i if in into is it its long many may me more much must my no not of on or our out per should so some than that the their them then there these they this those to up us was we what when where which who why will with would you your".split(
    " ",
  ),
);

function wordsOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return new Set(
    words
      .filter((word) => !STOP_WORDS.has(word))
      .map((word) => (word.length > 4 ? word.replace(/(?:l?ing|ed|es|s|e)$/, "") : word)),
  );
}
