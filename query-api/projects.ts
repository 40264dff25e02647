/** The projects that have GenAI spans, with what each did in the last 30 days. */
import type { Store } from "./store.ts";

const SQL = `
SELECT r.project AS project, toFloat64(sum(r.calls)) AS calls, toFloat64(sum(r.spans)) AS spans,
  if(sum(r.calls) > sum(r.unpriced_calls), toDecimalString(sum(r.cost), 12), NULL) AS cost,
  arraySort(groupUniqArrayIf(100)(if(r.response_model = '', r.request_model, r.response_model), r.is_model_call)) AS models,
  arraySort(groupUniqArray(100)(r.service)) AS services,
  formatDateTime(max(r.ts), '%FT%TZ') AS last_day
FROM assay.llm_1d AS r
WHERE r.ts >= now('UTC') - INTERVAL 31 DAY
GROUP BY r.project
ORDER BY r.project
LIMIT 10000`;

export async function listProjects(store: Store): Promise<Record<string, unknown>> {
  return { projects: await store.rows({ sql: SQL }) };
}
