/**
 * STAND-INS for people who label, so that the demo shows what labels do: nobody reads anything here. Two of them ask for
 * records as people do, and score by how much of the answer's words the documents have, a little more strictly than the
 * stand-in judge. They say in their names what they are.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createApiClient } from "@assay/query-api/client";

export interface ReviewersOptions {
  /** The page: http://127.0.0.1:8080 */
  page: string;
  signal: AbortSignal;
  /** Each gives so many. @default 40 */
  labels?: number;
  /** Between labels, and when nothing waits. @default 2000 */
  pauseMs?: number;
}

const METRIC = "faithfulness";
const REVIEWERS = ["stand-in 1 (no person)", "stand-in 2 (no person)"];

/** Resolves to the number of labels given, when all are or `signal` ends it. */
export async function runReviewers(options: ReviewersOptions): Promise<number> {
  const given = await Promise.all(REVIEWERS.map((reviewer) => review(reviewer, options)));
  return given.reduce((sum, count) => sum + count, 0);
}

async function review(
  reviewer: string,
  { page, signal, labels = 40, pauseMs = 2_000 }: ReviewersOptions,
): Promise<number> {
  const api = createApiClient(page);
  let given = 0;
  while (given < labels && !signal.aborted) {
    // The page may be starting again, or nothing is judged yet: there is a next time.
    const task = await api
      .nextLabel({ metric: METRIC, reviewer }, { signal })
      .then((next) => next.task)
      .catch(() => null);
    if (task) {
      const { trace_id, span_id } = task;
      const score = scoreOf(JSON.stringify(task.output), JSON.stringify(task.documents));
      const comment = "By a stand-in, no person: counted words.";
      const label = { metric: METRIC, trace_id, span_id, reviewer, score, comment };
      const stored = await api.label(label, { signal }).then(
        () => true,
        () => false,
      );
      if (stored) given++;
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
  return given;
}

/** From 1 to 5: all words of the answer are 5, less than a third are 1. */
function scoreOf(answer: string, documents: string): number {
  const known = new Set(wordsOf(documents));
  const said = wordsOf(answer).filter((word) => !MARKUP.has(word));
  const share = said.filter((word) => known.has(word)).length / Math.max(1, said.length);
  return Math.max(1, Math.min(5, 1 + Math.floor((share - 0.2) * 5)));
}

/** Of messages in the conventions' JSON. */
const MARKUP = new Set(["role", "assistant", "parts", "type", "text", "content", "finish_reason", "stop"]); // prettier-ignore

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}_]{3,}/gu) ?? [];
}
