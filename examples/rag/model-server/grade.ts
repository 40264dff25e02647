/**
 * A STAND-IN for a judge, for trying the judging of answers without a key: no model reads anything here. It takes Assay's
 * judge prompt and scores by how many of the words are shared: of the reference with the answer for correctness, of the
 * answer with the context for faithfulness. It says so in its reasons.
 */
import type { Message } from "./requests.ts";

const PROMPT = /^You grade answers of an assistant for one quality: ([a-z ]+)\./;

/** Undefined: this is no judge's prompt. */
export function gradeOf(messages: readonly Message[]): string | undefined {
  const system = messages.find(({ role }) => role === "system")?.content ?? "";
  const metric = PROMPT.exec(system)?.[1];
  const taskId = /"task_id": "(\w+)"/.exec(system)?.[1];
  const user = messages.find(({ role }) => role === "user")?.content ?? "";
  const data = dataOf(user);
  if (metric === undefined || taskId === undefined || !data) return undefined;
  const share = shareOf(metric, data);
  return JSON.stringify({
    task_id: taskId,
    evidence: [],
    reasoning: `A stand-in, no model: ${Math.round(share * 100)} % of the words are shared.`,
    score: 1 + Math.min(4, Math.floor(share * 5)),
    cannot_judge: false,
  });
}

interface Data {
  question?: string;
  answer?: string;
  context?: string[];
  reference?: string;
}

function dataOf(user: string): Data | undefined {
  const lines = user.split("\n");
  const from = lines.findIndex((line) => line.startsWith("<<DATA "));
  const to = lines.findLastIndex((line) => line.startsWith("<<END "));
  try {
    return JSON.parse(lines.slice(from + 1, to).join("\n")) as Data;
  } catch {
    return undefined;
  }
}

function shareOf(
  metric: string,
  { question = "", answer = "", context = [], reference }: Data,
): number {
  const said = wordsOf(answer);
  if (metric === "faithfulness") return shared(said, wordsOf(context.join(" ")));
  if (metric === "professionalism")
    return /!{2,}|\b(lol|gonna|whatever)\b/i.test(answer) ? 0.3 : 0.9;
  if (reference !== undefined) return shared(wordsOf(reference), said);
  return /does not say/.test(answer) ? 0.3 : 0.4 + 0.6 * shared(wordsOf(question), said);
}

function shared(some: ReadonlySet<string>, others: ReadonlySet<string>): number {
  if (some.size === 0) return 0;
  return [...some].filter((word) => others.has(word)).length / some.size;
}

function wordsOf(text: string): Set<string> {
  return new Set(text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu));
}
