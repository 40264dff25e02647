/** Test support: what stands in the store beside a scenario's spans: five weeks of ordinary hours, and what judges wrote. */
import type { ClickHouseClient } from "@clickhouse/client";
import { MINUTES, NOON_BEFORE, NORMAL, type Scenario, USD_PER_TOKEN } from "./scenarios.ts";

const HISTORY_DAYS = [1, 2, 3, 4, 7, 14, 21, 28, 35];

/** The same hours of earlier days and weeks, unix seconds. */
export function earlierHours(noon: number): number[] {
  return HISTORY_DAYS.flatMap((days) =>
    Array.from({ length: 10 }, (_, i) => noon - days * 86_400 + (i - 2) * 3_600),
  );
}

/** A few inserts for all projects: an insert is synced, and takes longer than its rows. @param noon unix seconds */
export async function writeBeside(
  client: ClickHouseClient,
  scenarios: Readonly<Record<string, Scenario>>,
  noon: number,
): Promise<void> {
  const all = Object.entries(scenarios);
  await writeHours(client, all, noon);
  await writeScores(client, all, noon);
  await writeChosen(client, all, noon);
}

type Named = readonly (readonly [project: string, scenario: Scenario])[];

/** Values that stand for an hour's calls in its sketches. */
const SKETCHED = 50;

/** The rollup by the hour, as the collector had filled it: calls spread by ± 40 % in latency, retrievals, tools. */
async function writeHours(client: ClickHouseClient, all: Named, noon: number): Promise<void> {
  const hours = `[${earlierHours(noon).join(",")}]`;
  const calls = all.flatMap(([project, { usual = NORMAL.calls, traffic = [] }]) => {
    // A project whose calls always were others has a part that begins before them.
    const first = traffic.find(({ from }) => from <= -NOON_BEFORE);
    const { input, output, ms } = { ...NORMAL, ...first };
    const usd = input * USD_PER_TOKEN.input + output * USD_PER_TOKEN.output;
    const n = Math.round(usual * 60);
    return n === 0 ? [] : [`('${project}', 'chat', 1, ${n}, ${usd}, ${input}, ${output}, ${ms})`];
  });
  const work = all.flatMap(([project, scenario]) =>
    (scenario.work ?? []).map(
      ({ operation, each }) =>
        `('${project}', '${operation}', 0, ${Math.round(each * 60)}, 0, 0, 0, 100)`,
    ),
  );
  const columns =
    "project String, operation String, is_call UInt8, n Int64, usd Float64, input Int64, output Int64, ms Float64";
  const spread = "(0.6 + 0.8 * (cityHash64(number, one) % 1000) / 1000)";
  await client.command({
    query: `INSERT INTO llm_1h (project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status,
        calls, spans, input_tokens, output_tokens, cost, ttft_calls, duration_ms_sketch, ttft_ms_sketch)
      SELECT project, toDateTime(one, 'UTC') AS ts, 'web', 'production', if(is_call, 'own', ''), if(is_call, 'm', ''), if(is_call, 'm', ''), operation, is_call, 'ok',
        any(n * is_call), any(n), any(n * input), any(n * output), toDecimal128(any(n * usd), 12), any(n * is_call),
        quantilesBFloat16State(0.5, 0.95, 0.99)(toFloat32(ms * ${spread})),
        quantilesBFloat16IfState(0.5, 0.95, 0.99)(toFloat32(ms * 0.4 * ${spread}), is_call)
      FROM (SELECT *, arrayJoin(${hours}) AS one, arrayJoin(range(toUInt64(least(n, ${SKETCHED})))) AS number
        FROM values('${columns}', ${[...calls, ...work].join(", ")}))
      GROUP BY project, one, operation, is_call`,
  });
}

/** Records that never change, judged in turns. */
const SENTINELS = 40;

async function writeScores(client: ClickHouseClient, all: Named, noon: number): Promise<void> {
  const values = all.flatMap(([project, { scores = [] }]) =>
    scores.map((one) => {
      const { from, to, n, norm, failed = 0, release = "", sentinel = false, metric } = one;
      const count = Math.max(0, Math.round(((to - from) / 60) * n));
      return `('${project}', ${noon + from * 60}, ${count}, ${3_600 / n}, ${norm}, ${failed}, '${release}', '${sentinel ? "sentinel" : "traffic"}', '${metric ?? "relevance"}')`;
    }),
  );
  const columns =
    "project String, start Float64, count UInt64, apart Float64, mean Float64, failed Float64, release String, purpose String, metric String";
  await client.command({
    query: `INSERT INTO evaluations (project, name, event_time, evaluated_at, evaluation_id, trace_id, span_id, source, status, score, norm, judge_hash, stratum,
        release, purpose, trace_probability, judge_probability)
      SELECT project, metric, fromUnixTimestamp64Milli(toInt64((start + number * apart) * 1000), 'UTC') AS at, at,
        substring(MD5(concat(project, toString(start), toString(number), metric, purpose)), 1, 16), substring(MD5(toString(if(purpose = 'sentinel', number % ${SENTINELS}, number))), 1, 16), toFixedString('', 8), 'judge',
        if((number % 100) < failed * 100, 'failed', 'ok') AS outcome, if(outcome = 'ok', 4, NULL),
        if(outcome = 'ok', greatest(0, least(1, mean + 0.3 * ((cityHash64(number) % 1000) / 1000 - 0.5))), NULL), 'j1', 'all', release, purpose, 1, 0.5
      FROM (SELECT *, arrayJoin(range(count)) AS number FROM values('${columns}', ${values.join(", ")}))`,
  });
}

async function writeChosen(client: ClickHouseClient, all: Named, noon: number): Promise<void> {
  const rows = all.flatMap(([project, { chosen }]) => {
    if (!chosen) return [];
    const { n, to = MINUTES } = chosen;
    const hours = Array.from({ length: NOON_BEFORE / 60 + to / 60 }, (_, i) => noon - NOON_BEFORE * 60 + i * 3_600); // prettier-ignore
    return hours.map((hour) => ({
      project,
      hour: hour - (hour % 3_600),
      reason: "chosen",
      records: n,
    }));
  });
  await client.insert({ table: "traffic_1h", values: rows, format: "JSONEachRow" });
}
