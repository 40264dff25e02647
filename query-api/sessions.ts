/** `GET /api/v1/sessions`: conversations, by when they were last active or by what they cost. */
import { z } from "zod";
import { instant, range, usd } from "./answers.ts";
import {
  anyOf,
  checkRange,
  nanos,
  readParameters,
  time,
  wholeNumber,
  type RawQuery,
} from "./parameters.ts";
import { spanConditions } from "./spans.ts";
import type { Store } from "./store.ts";

export function sessionsShape(nowMs: number) {
  return {
    from: time(nowMs),
    to: time(nowMs),
    order: z
      .enum(["newest", "cost", "errors"], { message: '"newest", "cost" or "errors"' })
      .default("newest"),
    project: anyOf.optional(),
    service: anyOf.optional(),
    environment: anyOf.optional(),
    user: anyOf.optional(),
    limit: wholeNumber(1, 1000).default(100),
  };
}

export const sessionsAnswer = z.looseObject({
  ...range,
  sessions: z.array(
    z.looseObject({
      session_id: z.string(),
      project: z.string(),
      user_id: z.string(),
      first: instant,
      last: instant,
      traces: z.number(),
      calls: z.number(),
      unpriced_calls: z.number(),
      errors: z.number(),
      input_tokens: z.number(),
      output_tokens: z.number(),
      cost: usd,
    }),
  ),
});

const ORDER = { newest: "max(s.event_time)", cost: "sum(s.cost)", errors: "errors" } as const;

export async function listSessions(
  store: Store,
  query: RawQuery,
  nowMs: number,
): Promise<z.input<typeof sessionsAnswer>> {
  const { from, to, order, limit, ...filters } = readParameters(sessionsShape(nowMs), query);
  checkRange(from, to);
  const { sql, parameters } = spanConditions(filters);
  const instantOf = (aggregate: string): string =>
    `concat(replaceOne(toString(${aggregate}(s.event_time)), ' ', 'T'), 'Z')`;
  const sessions = await store.rows<z.input<typeof sessionsAnswer>["sessions"][number]>({
    sql: `SELECT s.session_id AS session_id, s.project AS project, max(s.user_id) AS user_id,
  ${instantOf("min")} AS first, ${instantOf("max")} AS last, toFloat64(uniqExact(s.trace_id)) AS traces,
  toFloat64(countIf(s.is_model_call)) AS calls, toFloat64(countIf(s.is_model_call AND s.cost IS NULL)) AS unpriced_calls,
  toFloat64(countIf(s.status = 'error')) AS errors,
  toFloat64(sumIf(s.input_tokens, s.is_model_call)) AS input_tokens, toFloat64(sumIf(s.output_tokens, s.is_model_call)) AS output_tokens,
  if(calls > unpriced_calls, toDecimalString(sum(s.cost), 12), NULL) AS cost
FROM assay.spans AS s
WHERE s.event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND s.event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')
  AND s.session_id != '' ${sql.map((condition) => `AND ${condition}`).join(" ")}
GROUP BY s.project, s.session_id
ORDER BY ${ORDER[order]} DESC NULLS LAST, session_id
LIMIT {limit:UInt32}`,
    parameters: { ...parameters, from: nanos(from), to: nanos(to), limit },
  });
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), sessions };
}
