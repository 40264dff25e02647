/**
 * How many tokens one model makes of a text, against others, from what is stored: input tokens a character, on the newest
 * calls of each whose prompts were captured. Prompts of different models are not the same prompts: where one is sent code
 * and the other prose, that is in the ratio too.
 */
import { ratioOfSums } from "@assay/statistics/ratio";
import { nanos } from "../parameters.ts";
import type { Store } from "../store.ts";

export type Ratio = {
  ratio: number;
  low: number | null;
  high: number | null;
};

/** With fewer calls of either, nothing is said. */
const ENOUGH = 30;
const NEWEST = 5_000;

interface Sums {
  candidate: boolean;
  n: number;
  x: number;
  y: number;
  xx: number;
  yy: number;
  xy: number;
}

export async function readTokenRatio(
  store: Store,
  asked: {
    from: number;
    to: number;
    project: string[] | undefined;
    models: readonly string[];
    candidate: string;
  },
): Promise<Ratio | undefined> {
  const { from, to, project, models, candidate } = asked;
  const rows = await store.rows<Sums>({
    sql: sqlOf(project !== undefined),
    parameters: {
      from: nanos(from),
      to: nanos(to),
      models,
      candidate,
      ...(project && { project }),
    },
  });
  const [one, others] = [true, false].map((wanted) => {
    const sums = rows.find((row) => Boolean(row.candidate) === wanted);
    return sums && sums.n >= ENOUGH ? ratioOfSums(sums) : undefined;
  });
  if (!one || !others) return undefined;
  const ratio = one.ratio / others.ratio;
  // Of two independent ratios, by logarithms (delta method).
  const spread =
    1.96 * Math.hypot(one.standardError / one.ratio, others.standardError / others.ratio);
  return { ratio, low: ratio * Math.exp(-spread), high: ratio * Math.exp(spread) };
}

function sqlOf(ofProject: boolean): string {
  const range = (table: string): string =>
    `${table}.event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND ${table}.event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')${ofProject ? ` AND ${table}.project IN {project:Array(String)}` : ""}`;
  const model = "if(s.response_model = '', s.request_model, s.response_model)";
  return `SELECT candidate, toFloat64(count()) AS n, toFloat64(sum(chars)) AS x, toFloat64(sum(tokens)) AS y,
  toFloat64(sum(chars * chars)) AS xx, toFloat64(sum(tokens * tokens)) AS yy, toFloat64(sum(chars * tokens)) AS xy
FROM (
  SELECT ${model} = {candidate:String} AS candidate, toFloat64(s.input_tokens) AS tokens, toFloat64(c.chars) AS chars
  FROM (
    SELECT * FROM assay.spans AS s
    WHERE ${range("s")} AND s.is_model_call AND s.has_content AND s.usage_source = 'reported' AND s.input_tokens > 0
      AND (${model} = {candidate:String} OR ${model} IN {models:Array(String)})
    ORDER BY s.event_time DESC LIMIT ${NEWEST} BY ${model} = {candidate:String}
  ) AS s
  INNER JOIN (
    SELECT c.trace_id AS trace_id, c.span_id AS span_id,
      max(lengthUTF8(c.content_system) + lengthUTF8(c.content_input) + lengthUTF8(c.content_tools)) AS chars
    FROM assay.span_content AS c WHERE ${range("c")} AND c.content_input != '' GROUP BY trace_id, span_id
  ) AS c ON c.trace_id = s.trace_id AND c.span_id = s.span_id
) GROUP BY candidate`;
}
