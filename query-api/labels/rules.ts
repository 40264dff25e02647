/** What people go by: a metric's definition and what each of its scores means, as the newest judge of it had them. */
import type { Store } from "../store.ts";

export type Rules = {
  definition: string;
  /** From 1 on; none are known for a metric that no judge has. */
  scores: string[];
  version: number;
};

/** Where no judge says otherwise. */
const LEVELS = 5;

export async function rulesOf(store: Store, metric: string): Promise<Rules | undefined> {
  const [found] = await store.rows<Rules>({
    sql: `SELECT definition, scores, toFloat64(version) AS version FROM assay.judge_definitions
WHERE metric = {metric:String} ORDER BY described_at DESC LIMIT 1`,
    parameters: { metric },
  });
  return found;
}

/** The highest score; the lowest is 1. */
export function levelsOf(rules: Rules | undefined): number {
  return rules?.scores.length || LEVELS;
}
