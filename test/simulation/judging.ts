/**
 * Do the means that Assay shows cover the truth? `npm run sim:judging -- --spans 50000`
 *
 * Traffic of three strata whose quality differs, and is known, goes over OTLP into a real Assay: failed calls are all
 * judged, long ones at 0.2, the rest at 0.02. A scripted judge gives each answer the score that it has. Half-way the day's
 * money is cut, in the file, while it runs, so that probabilities fall. Then the API is asked for its means.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startJudgeServer } from "../../collector/judge/testing/judge-server.ts";
import { metricsOf } from "../faults/metrics.ts";
import {
  assayEnv,
  MOVED_CLOCK,
  removeData,
  startAssay,
  until,
  type RunningAssay,
} from "../processes.ts";

const DAY_MS = 86_400_000;
const BATCH = 250;
/** 100 and 50 tokens at 1 and 2 USD a million. */
const USD_PER_CALL = 0.0002;
const LONGEST_WAIT_MS = 600_000;

/** Share of the traffic, and how likely each score from 1 to 5 is. */
const STRATA = {
  failed: { share: 0.03, scores: [0.4, 0.3, 0.2, 0.1, 0] },
  long: { share: 0.1, scores: [0.1, 0.2, 0.3, 0.3, 0.1] },
  rest: { share: 0.87, scores: [0.02, 0.03, 0.1, 0.35, 0.5] },
} as const;
type StratumName = keyof typeof STRATA;

export interface SimulationOptions {
  spans: number;
  seed?: number;
  /** Of the rest; of long answers it is ten times that. @default 0.02 */
  rest?: number;
  print?: (line: string) => void;
}

interface Shown {
  name: string;
  truth: number;
  mean: number;
  low: number;
  high: number;
  standardError: number;
  n: number;
}

export interface SimulationResult {
  /** All traffic, and each stratum. */
  shown: Shown[];
  /** Of all scores, unweighted. */
  naive: number;
  /** Of the second half: the lowest factor of probabilities, and what was spent against the limit. */
  lowestFactor: number;
  spentUsd: number;
  limitUsd: number;
  callUsd: number;
  /** The lowest probability of any score. */
  leastProbability: number;
  judged: number;
  /** Of those judged: without a score, by reason. */
  failures: { reason: string; detail: string; judgements: number }[];
  seconds: number;
}

export async function simulateJudging({
  spans,
  seed = 1,
  rest = 0.02,
  print = () => {},
}: SimulationOptions): Promise<SimulationResult> {
  const dir = await mkdtemp(join(tmpdir(), "assay-simulation-"));
  const judge = await startJudgeServer(({ data }) => ({
    score: Number(/of grade (\d)/.exec(data.answer!)![1]),
  }));
  const file = join(dir, "judge.yaml");
  const configure = (usdPerDay: number): Promise<void> =>
    writeFile(file, configOf(judge.url, rest, usdPerDay));
  await configure(1_000);
  // At noon: what a day's budget does depends on the hour.
  const sinceNoon = (Date.now() + DAY_MS / 2) % DAY_MS;
  const env = await assayEnv({ ASSAY_JUDGE: file, MOVED_CLOCK_MS: String(-sinceNoon) });
  const assay = await startAssay("start", env, ["--import", MOVED_CLOCK]);
  try {
    await until(
      () => metricsOf(assay),
      (metrics) => metrics.has("assay_judge_composites_total"),
      30_000,
    );
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    return await run(assay, { spans, seed, print, configure });
  } finally {
    await assay.stop();
    await judge.close();
    await removeData(env);
    await rm(dir, { recursive: true });
  }
}

async function run(
  assay: RunningAssay,
  {
    spans,
    seed,
    print,
    configure,
  }: {
    spans: number;
    seed: number;
    print: (line: string) => void;
    configure: (usdPerDay: number) => Promise<void>;
  },
): Promise<SimulationResult> {
  const began = performance.now();
  const traffic = trafficOf(spans, seed);
  const half = Math.ceil(spans / 2);
  await send(assay, traffic.slice(0, half));
  const first = await allDecided(assay, half);
  print(`${half} spans sent and ${first.get(CHOSEN)} judged at full probability`);
  const limitUsd = first.get(SPENT)! / 0.7;
  await configure(limitUsd);
  await until(
    () => metricsOf(assay),
    (metrics) => metrics.get('assay_judge_config_reloads_total{result="taken"}') === 1,
  );
  for (let at = half; at < spans; at += 2_000) {
    const part = traffic.slice(at, at + 2_000);
    await send(assay, part);
    await allDecided(assay, at + part.length);
  }
  const last = await allDecided(assay, spans);
  print(`the rest with ${limitUsd.toFixed(3)} USD for the day: ${last.get(CHOSEN)} judged in all`);
  return {
    ...(await shownBy(assay, traffic)),
    spentUsd: last.get(SPENT)!,
    limitUsd,
    callUsd: USD_PER_CALL,
    judged: last.get(CHOSEN)!,
    seconds: (performance.now() - began) / 1_000,
  };
}

const CHOSEN = 'assay_judge_records_total{reason="chosen"}';
const SPENT = "assay_judge_spent_usd";

/** Resolves when so many were chosen or not, and the scores of all chosen ones are stored: counted as composites then. */
function allDecided(assay: RunningAssay, spans: number): Promise<Map<string, number>> {
  const of = (metrics: Map<string, number>, name: string): number => metrics.get(name) ?? 0;
  return until(
    () => metricsOf(assay),
    (metrics) =>
      of(metrics, CHOSEN) + of(metrics, 'assay_judge_records_total{reason="not_chosen"}') ===
        spans &&
      of(metrics, CHOSEN) ===
        of(metrics, "assay_judge_composites_total") +
          of(metrics, 'assay_judge_judgements_total{status="failed"}'),
    LONGEST_WAIT_MS,
  );
}

interface Answer {
  traceId: string;
  stratum: StratumName;
  score: number;
  number: number;
}

function trafficOf(spans: number, seed: number): Answer[] {
  const random = randomOf(seed);
  const pick = <T>(from: readonly (readonly [T, number])[]): T => {
    let left = random();
    for (const [value, share] of from) if ((left -= share) < 0) return value;
    return from.at(-1)![0];
  };
  const shares = Object.entries(STRATA).map(
    ([name, { share }]) => [name as StratumName, share] as const,
  );
  return Array.from({ length: spans }, (_, number) => {
    const stratum = pick(shares);
    const score = pick(STRATA[stratum].scores.map((share, at) => [at + 1, share] as const));
    const word = (): string =>
      Math.floor(random() * 2 ** 32)
        .toString(16)
        .padStart(8, "0");
    return { traceId: [word(), word(), word(), word()].join(""), stratum, score, number };
  });
}

async function send(assay: RunningAssay, answers: readonly Answer[]): Promise<void> {
  const shift = (((Date.now() % DAY_MS) - DAY_MS / 2 + DAY_MS) % DAY_MS) as number;
  for (let at = 0; at < answers.length; at += BATCH) {
    const spans = answers.slice(at, at + BATCH).map((answer) => spanOf(answer, Date.now() - shift));
    const response = await fetch(`${assay.otlp}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }),
    });
    if (!response.ok) throw new Error(`expected 200, got ${response.status}`);
  }
}

function spanOf({ traceId, stratum, score, number }: Answer, nowMs: number): object {
  const text = (role: string, content: string): string =>
    JSON.stringify([{ role, parts: [{ type: "text", content }] }]);
  const string = (key: string, stringValue: string): object => ({ key, value: { stringValue } });
  const tokens = stratum === "long" ? 5_000 : 200;
  return {
    traceId,
    spanId: traceId.slice(0, 15) + "1",
    name: "chat",
    startTimeUnixNano: `${Math.floor(nowMs)}000000`,
    endTimeUnixNano: `${Math.floor(nowMs) + 5}000000`,
    ...(stratum === "failed" ? { status: { code: 2 } } : {}),
    attributes: [
      string("gen_ai.operation.name", "chat"),
      string("gen_ai.provider.name", "openai"),
      string("gen_ai.request.model", "gpt-4o"),
      { key: "gen_ai.usage.input_tokens", value: { intValue: String(tokens) } },
      string("gen_ai.input.messages", text("user", `question ${number}`)),
      string("gen_ai.output.messages", text("assistant", `answer ${number} of grade ${score}`)),
    ],
  };
}

interface QualityRow {
  stratum?: string;
  mean: number;
  low: number;
  high: number;
  standard_error: number;
  n: number;
}

async function shownBy(
  assay: RunningAssay,
  traffic: readonly Answer[],
): Promise<
  Pick<SimulationResult, "shown" | "naive" | "lowestFactor" | "leastProbability" | "failures">
> {
  const get = async <T>(path: string): Promise<T> =>
    (await fetch(`${assay.api}/api/v1/${path}`)).json() as Promise<T>;
  const range = "from=now-1d&to=now&metric=professionalism";
  const whole = await get<{ rows: QualityRow[] }>(`quality?${range}`);
  const parts = await get<{ rows: QualityRow[] }>(`quality?${range}&by=stratum`);
  const truthOf = (answers: readonly Answer[]): number =>
    answers.reduce((sum, { score }) => sum + (score - 1) / 4, 0) / answers.length;
  const shownOf = (row: QualityRow, name: string, answers: readonly Answer[]): Shown => ({
    name,
    truth: truthOf(answers),
    mean: row.mean,
    low: row.low,
    high: row.high,
    standardError: row.standard_error,
    n: row.n,
  });
  const scores = await scoresOf(assay);
  return {
    shown: [
      shownOf(whole.rows[0]!, "all", traffic),
      ...parts.rows.map((row) =>
        shownOf(
          row,
          row.stratum!,
          traffic.filter(({ stratum }) => stratum === row.stratum),
        ),
      ),
    ],
    naive: scores.naive,
    leastProbability: scores.least,
    failures: scores.failures,
    lowestFactor: scores.least / Math.min(...scores.configured),
  };
}

async function scoresOf(
  assay: RunningAssay,
): Promise<
  { naive: number; least: number; configured: number[] } & Pick<SimulationResult, "failures">
> {
  const query = `SELECT avg(norm) AS naive, min(inclusion_probability) AS least FROM assay.v_evaluations WHERE name = 'professionalism' AND status = 'ok' FORMAT JSONEachRow`;
  const rules = `SELECT DISTINCT configured FROM assay.judge_decisions FORMAT JSONEachRow`;
  const failed = `SELECT error_type AS reason, any(explanation) AS detail, toFloat64(count()) AS judgements FROM assay.v_evaluations WHERE status != 'ok' GROUP BY reason ORDER BY reason FORMAT JSONEachRow`;
  const ask = async (sql: string): Promise<unknown[]> => {
    const response = await fetch(`${assay.clickhouse}/?user=reader`, { method: "POST", body: sql });
    const text = await response.text();
    if (!response.ok) throw new Error(text.slice(0, 500));
    return text
      .trim()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as unknown);
  };
  const [scores] = (await ask(query)) as { naive: number; least: number }[];
  const configured = (await ask(rules)) as { configured: number }[];
  const failures = (await ask(failed)) as SimulationResult["failures"];
  return { ...scores!, failures, configured: configured.map((one) => one.configured) };
}

function configOf(url: string, rest: number, usdPerDay: number): string {
  return `providers: { main: { base_url: "${url}", max_in_flight: 64 } }
judges:
  - { metric: professionalism, provider: main, model: scripted, usd_per_million_tokens: { input: 1, output: 2 } }
profiles:
  - weights: { professionalism: 1 }
    sampling:
      strata:
        - { name: failed, when: { status: error }, probability: 1 }
        - { name: long, when: { min_input_tokens: 4000 }, probability: ${Math.min(1, rest * 10)} }
      rest: ${rest}
settle_seconds: 1
usd_per_day: ${usdPerDay}
`;
}

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function reportOf(result: SimulationResult): string[] {
  const { shown, naive, judged, failures, spentUsd, limitUsd, lowestFactor, leastProbability } =
    result;
  const all = shown[0]!;
  return [
    "stratum    truth   shown   95 % interval      scores",
    ...shown.map(
      ({ name, truth, mean, low, high, n }) =>
        `${name.padEnd(9)} ${truth.toFixed(4)}  ${mean.toFixed(4)}  ${low.toFixed(4)} to ${high.toFixed(4)}  ${String(n).padStart(6)}  ${truth >= low && truth <= high ? "covers" : "does not cover"}`,
    ),
    `naive mean of all scores: ${naive.toFixed(4)}, ${(Math.abs(naive - all.truth) / all.standardError).toFixed(0)} standard errors off`,
    `${judged} judged; spent ${spentUsd.toFixed(4)} of ${limitUsd.toFixed(4)} USD; probabilities fell to ${lowestFactor.toFixed(2)} of the rules', the lowest ${leastProbability.toFixed(5)}`,
    ...failures.map(
      ({ reason, detail, judgements }) =>
        `without a score: ${judgements} × ${reason}, such as "${detail}"`,
    ),
    `${result.seconds.toFixed(0)} s`,
  ];
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      spans: { type: "string", default: "50000" },
      seed: { type: "string", default: "1" },
      rest: { type: "string", default: "0.02" },
    },
  });
  const print = (line: string): void => console.log(line);
  const result = await simulateJudging({
    spans: Number(values.spans),
    seed: Number(values.seed),
    rest: Number(values.rest),
    print,
  });
  for (const line of reportOf(result)) print(line);
}
