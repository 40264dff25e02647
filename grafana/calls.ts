/**
 * Calls in SQL: from the hours, or from the days where the range is so long that hours would be many. The condition of the other
 * half is false for the whole query, so that nothing of it is read.
 */
import { CHOSEN } from "./panel.ts";

const LONG_DAYS = 45;
const IS_LONG = `dateDiff('day', $__fromTime, $__toTime) > ${LONG_DAYS}`;

/** Columns of llm_1h, of the range and the projects chosen. */
export function callsOf(columns: string, where = "is_model_call"): string {
  const half = (table: string, when: string): string =>
    `SELECT ${columns} FROM assay.${table} WHERE ${CHOSEN} AND ${where} AND ${when}`;
  return `(${half("llm_1h", `NOT (${IS_LONG})`)} UNION ALL ${half("llm_1d", IS_LONG)})`;
}

/** That answered; of a call that failed, the one that usually answers to the model that was asked for. */
export const ANSWERED =
  "if(response_model != '', response_model, if(usual = '', request_model, usual))";

/** With a column `usual`. */
export function callsWithUsual(columns: string): string {
  return `(SELECT *, argMax(response_model, weight) OVER (PARTITION BY provider, request_model) AS usual FROM (
  SELECT *, if(response_model = '', -1, sum(calls) OVER (PARTITION BY provider, request_model, response_model)) AS weight
  FROM ${callsOf(`ts, project, provider, request_model, response_model, calls, ${columns}`)}))`;
}
