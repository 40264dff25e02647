/**
 * Does the same request get the same answer? By requests that came more than once in the range: groups of one prompt
 * hash, which covers provider, model, messages, tools and parameters. Answers are compared byte for byte, and once more
 * with case and white space put aside.
 *
 * Production repeats are not a random sample of prompts: `coverage` says how much of the traffic they are. `active` is
 * what canaries say (active-determinism.ts); the filters of project and model are not for it.
 */
import { entropy, pairwiseAgreement, totalAgreement } from "@assay/statistics/determinism";
import { z } from "zod";
import { readActive } from "./active-determinism.ts";
import { anyOf, checkRange, nanos, readParameters, time, type RawQuery } from "./parameters.ts";
import type { Store } from "./store.ts";

const MOST_GROUPS = 10_000;
/** Of the answers' single pages, those that agree least. */
const LEAST_ALIKE = 20;

export function determinismShape(nowMs: number) {
  return {
    from: time(nowMs),
    to: time(nowMs),
    project: anyOf.optional(),
    model: anyOf.optional(),
    declared: z
      .enum(["any", "deterministic"], { message: '"any" or "deterministic"' })
      .default("any"),
  };
}

interface GroupRow {
  project: string;
  model: string;
  prompt_hash: string;
  declared: boolean;
  answers: number;
  /** How many answers are of each kind. */
  raw: number[];
  plain: number[];
  fingerprints: number;
  trace_id: string;
}

const MODEL = "if(s.response_model = '', s.request_model, s.response_model)";

function conditions(table: "s" | "c", filters: readonly string[]): string {
  const range = `${table}.event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND ${table}.event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')`;
  return [
    range,
    ...(filters.includes("project") ? [`${table}.project IN {f_project:Array(String)}`] : []),
  ].join(" AND ");
}

/** Of a prompt's kinds of answers, the counts; prompts that were answered once tell nothing. */
function groupsSql(filters: readonly string[], onlyDeclared: boolean): string {
  const calls = [
    conditions("s", filters),
    "s.is_model_call AND s.prompt_hash != '' AND s.status = 'ok'",
    ...(filters.includes("model") ? [`${MODEL} IN {f_model:Array(String)}`] : []),
    ...(onlyDeclared ? ["(s.temperature = 0 OR s.seed IS NOT NULL)"] : []),
  ].join(" AND ");
  return `
WITH answers AS (
  SELECT s.project AS project, ${MODEL} AS model, s.prompt_hash AS prompt, s.temperature = 0 OR s.seed IS NOT NULL AS declared,
    s.trace_id AS trace, s.attrs_string['gen_ai.openai.response.system_fingerprint'] AS fingerprint,
    sipHash128(c.content_output) AS raw, sipHash128(lowerUTF8(replaceRegexpAll(c.content_output, '\\\\s+', ' '))) AS plain
  FROM (SELECT * FROM assay.spans AS s WHERE ${calls} LIMIT 1 BY s.trace_id, s.span_id) AS s
  INNER JOIN (
    SELECT trace_id, span_id, argMax(content_output, length(content_output)) AS content_output
    FROM assay.span_content AS c WHERE ${conditions("c", filters)} AND c.content_output != '' GROUP BY trace_id, span_id
  ) AS c ON c.trace_id = s.trace_id AND c.span_id = s.span_id
)
SELECT project, model, prompt AS prompt_hash, toBool(max(ifNull(declared, 0))) AS declared, toFloat64(count()) AS answers,
  arrayMap(x -> toFloat64(x), mapValues(sumMap(map(hex(raw), toUInt64(1))))) AS raw,
  arrayMap(x -> toFloat64(x), mapValues(sumMap(map(hex(plain), toUInt64(1))))) AS plain,
  toFloat64(uniqExactIf(fingerprint, fingerprint != '')) AS fingerprints, lower(hex(any(trace))) AS trace_id
FROM answers GROUP BY project, model, prompt HAVING count() > 1
ORDER BY answers DESC, prompt LIMIT ${MOST_GROUPS}`;
}

interface Summary {
  prompts: number;
  answers: number;
  /** Each a mean over prompts; null where no prompt came often enough. */
  agreement: number | null;
  agreement_by_answers: number | null;
  agreement_plain: number | null;
  tar_3: number | null;
  tar_5: number | null;
  different_answers: number | null;
  entropy_bits: number | null;
}

export async function readDeterminism(
  store: Store,
  query: RawQuery,
  nowMs: number,
): Promise<Record<string, unknown>> {
  const { from, to, declared, project, model } = readParameters(determinismShape(nowMs), query);
  checkRange(from, to);
  const filters = [...(project ? ["project"] : []), ...(model ? ["model"] : [])];
  const parameters = {
    from: nanos(from),
    to: nanos(to),
    ...(project && { f_project: project }),
    ...(model && { f_model: model }),
  };
  const [groups, calls, active] = await Promise.all([
    store.rows<GroupRow>({ sql: groupsSql(filters, declared === "deterministic"), parameters }),
    store.rows<{ calls: number }>({
      sql: `SELECT toFloat64(count()) AS calls FROM assay.spans AS s WHERE ${conditions("s", filters)} AND s.is_model_call AND s.status = 'ok'${model ? ` AND ${MODEL} IN {f_model:Array(String)}` : ""}`,
      parameters,
    }),
    readActive(store, { from: nanos(from), to: nanos(to) }),
  ]);
  const all = calls[0]?.calls ?? 0;
  const byModel = Map.groupBy(groups, (group) => group.model);
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    calls: all,
    coverage: all === 0 ? null : groups.reduce((sum, { answers }) => sum + answers, 0) / all,
    overall: summaryOf(groups),
    models: [...byModel]
      .map(([name, own]) => ({ model: name, ...summaryOf(own) }))
      .toSorted((a, b) => b.answers - a.answers),
    least_alike: groups
      .map((group) => ({ ...group, agreement: pairwiseAgreement(group.raw) ?? 0 }))
      .toSorted((a, b) => a.agreement - b.agreement || b.answers - a.answers)
      .slice(0, LEAST_ALIKE)
      .map((group) => ({
        ...group,
        raw: undefined,
        plain: undefined,
        different_answers: group.raw.length,
      })),
    active,
  };
}

function summaryOf(groups: readonly GroupRow[]): Summary {
  const over = (value: (group: GroupRow) => number | undefined): number | null => {
    const known = groups.flatMap((group) => value(group) ?? []);
    return known.length === 0 ? null : known.reduce((sum, one) => sum + one, 0) / known.length;
  };
  const answers = groups.reduce((sum, group) => sum + group.answers, 0);
  const weighted = groups.reduce(
    (sum, group) => sum + group.answers * (pairwiseAgreement(group.raw) ?? 0),
    0,
  );
  return {
    prompts: groups.length,
    answers,
    agreement: over(({ raw }) => pairwiseAgreement(raw)),
    agreement_by_answers: answers === 0 ? null : weighted / answers,
    agreement_plain: over(({ plain }) => pairwiseAgreement(plain)),
    tar_3: over(({ raw }) => totalAgreement(raw, 3)),
    tar_5: over(({ raw }) => totalAgreement(raw, 5)),
    different_answers: over(({ raw }) => raw.length),
    entropy_bits: over(({ raw }) => entropy(raw)),
  };
}
