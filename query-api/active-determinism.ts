/**
 * What canaries and sentinels say: how alike the answers to the same requests are, on a schedule and whatever the traffic
 * is, and whether the judges still give the scores that are known. Their cost is their own, no part of the traffic's.
 */
import { hajek, type Estimate } from "@assay/statistics/estimate";
import { pairwiseAgreement, totalAgreement } from "@assay/statistics/determinism";
import { wilson } from "@assay/statistics/proportion";
import type { Store } from "./store.ts";

const MOST_GROUPS = 20_000;
const MOST_SENTINELS = 50_000;

/** A canary in a round: of its answers, how many are of each kind. */
interface GroupRow {
  target: string;
  canary: string;
  round: string;
  answers: number;
  failed: number;
  raw: number[];
  plain: number[];
  matches: number;
  pinned: number;
  fingerprints: string[];
  served_models: string[];
}

interface CostRow {
  target: string;
  cost: string | null;
  p50_ms: number;
}

const RANGE = (column: string): string =>
  `${column} >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND ${column} < fromUnixTimestamp64Nano({to:Int64}, 'UTC')`;

const CANARIES = `
SELECT * FROM assay.canary_answers WHERE ${RANGE("toDateTime64(round, 9, 'UTC')")}
ORDER BY asked_at LIMIT 1 BY project, target, canary, round, run`;

const GROUPS_SQL = `
SELECT target, canary, concat(replaceOne(toString(round), ' ', 'T'), 'Z') AS round,
  toFloat64(countIf(status = 'ok')) AS answers, toFloat64(countIf(status != 'ok')) AS failed,
  arrayMap(x -> toFloat64(x), mapValues(sumMapIf(map(hex(sipHash128(answer)), toUInt64(1)), status = 'ok'))) AS raw,
  arrayMap(x -> toFloat64(x), mapValues(sumMapIf(map(hex(sipHash128(lowerUTF8(trimBoth(replaceRegexpAll(answer, '\\\\s+', ' '))))), toUInt64(1)), status = 'ok'))) AS plain,
  toFloat64(countIf(ifNull(a.matches, false))) AS matches, toFloat64(countIf(a.matches IS NOT NULL)) AS pinned,
  groupUniqArrayIf(fingerprint, fingerprint != '') AS fingerprints, groupUniqArrayIf(served_model, served_model != '') AS served_models
FROM (${CANARIES}) AS a GROUP BY target, canary, a.round ORDER BY a.round, target, canary LIMIT ${MOST_GROUPS}`;

const COSTS_SQL = `
SELECT target, if(countIf(cost IS NULL AND status = 'ok') > 0, NULL, toDecimalString(sum(cost), 12)) AS cost,
  toFloat64(quantile(0.5)(latency_ms)) AS p50_ms
FROM (${CANARIES}) GROUP BY target`;

interface SentinelRow {
  judge_hash: string;
  metric: string;
  judge: string;
  sentinel: string;
  round: string;
  norm: number | null;
  pinned: number;
  cost: string | null;
}

const EVALUATIONS = (purpose: string): string => `
SELECT * FROM assay.evaluations WHERE ${RANGE("event_time")} AND ${purpose}
ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id`;

const SENTINELS_SQL = `
SELECT judge_hash, name AS metric, evaluator AS judge, attributes['sentinel'] AS sentinel, toString(event_time) AS round,
  if(status = 'ok', norm, NULL) AS norm, toFloat64OrZero(attributes['pinned']) AS pinned, toDecimalString(cost, 12) AS cost
FROM (${EVALUATIONS("purpose = 'sentinel'")}) ORDER BY round, sentinel LIMIT ${MOST_SENTINELS}`;

/** Twice by one judge: how often the same, and how far apart. */
const RETESTS_SQL = `
SELECT a.judge_hash AS judge_hash, a.name AS metric, any(a.evaluator) AS judge, toFloat64(count()) AS retests,
  toFloat64(avg(a.score = b.score)) AS exact, toFloat64(sqrt(avg(pow(a.norm - b.norm, 2)) / 2)) AS noise_sd
FROM (${EVALUATIONS("purpose = 'retest' AND status = 'ok'")}) AS a
INNER JOIN (${EVALUATIONS("purpose = 'traffic' AND status = 'ok' AND role IN ('cheap', 'strong')")}) AS b
  ON a.trace_id = b.trace_id AND a.span_id = b.span_id AND a.name = b.name AND a.judge_hash = b.judge_hash
GROUP BY judge_hash, metric ORDER BY metric LIMIT 500`;

interface RetestRow {
  judge_hash: string;
  metric: string;
  judge: string;
  retests: number;
  exact: number;
  /** Of one judgement, by itself. */
  noise_sd: number;
}

/** @param range `from` and `to`, in nanoseconds as text */
export async function readActive(
  store: Store,
  range: { from: string; to: string },
): Promise<Record<string, unknown>> {
  const [groups, costs, sentinels, retests, spent] = await Promise.all([
    store.rows<GroupRow>({ sql: GROUPS_SQL, parameters: range }),
    store.rows<CostRow>({ sql: COSTS_SQL, parameters: range }),
    store.rows<SentinelRow>({ sql: SENTINELS_SQL, parameters: range }),
    store.rows<RetestRow>({ sql: RETESTS_SQL, parameters: range }),
    store.rows<{ cost: string }>({ sql: SPENT_SQL, parameters: range }),
  ]);
  const byTarget = Map.groupBy(groups, ({ target }) => target);
  const byRound = Map.groupBy(groups, ({ target, round }) => JSON.stringify([target, round]));
  return {
    cost: spent[0]?.cost ?? "0",
    targets: [...byTarget].map(([target, own]) => ({
      target,
      ...agreementOf(own),
      ...pinnedOf(own),
      cost: costs.find((one) => one.target === target)?.cost ?? null,
      p50_ms: costs.find((one) => one.target === target)?.p50_ms ?? null,
    })),
    rounds: [...byRound.values()].map((own) => ({
      target: own[0]!.target,
      round: own[0]!.round,
      ...agreementOf(own),
      ...pinnedOf(own),
    })),
    judges: judgesOf(sentinels, retests),
  };
}

/** Canaries, what judged them, and sentinels. */
const SPENT_SQL = `
SELECT toDecimalString(ifNull(sum(cost), 0), 12) AS cost FROM (
  SELECT cost FROM (${CANARIES}) UNION ALL SELECT cost FROM (${EVALUATIONS("purpose IN ('canary', 'sentinel')")}))`;

/** Means over canaries; a canary with one answer tells nothing. */
function agreementOf(groups: readonly GroupRow[]): Record<string, unknown> {
  const mean = (value: (group: GroupRow) => number | undefined): number | null => {
    const known = groups.flatMap((group) => value(group) ?? []);
    return known.length === 0 ? null : known.reduce((sum, one) => sum + one, 0) / known.length;
  };
  const sum = (value: (group: GroupRow) => number): number =>
    groups.reduce((total, group) => total + value(group), 0);
  return {
    canaries: new Set(groups.map(({ canary }) => canary)).size,
    answers: sum(({ answers }) => answers),
    failed: sum(({ failed }) => failed),
    agreement: mean(({ raw }) => pairwiseAgreement(raw)),
    agreement_plain: mean(({ plain }) => pairwiseAgreement(plain)),
    tar_5: mean(({ raw }) => totalAgreement(raw, 5)),
    fingerprints: [...new Set(groups.flatMap(({ fingerprints }) => fingerprints))].toSorted(),
    served_models: [...new Set(groups.flatMap(({ served_models }) => served_models))].toSorted(),
  };
}

/** How often the pinned answer is still given. */
function pinnedOf(groups: readonly GroupRow[]): Record<string, unknown> {
  const matches = groups.reduce((sum, group) => sum + group.matches, 0);
  const pinned = groups.reduce((sum, group) => sum + group.pinned, 0);
  if (pinned === 0) return { pinned: null };
  const { low, high } = wilson(matches, pinned);
  return { pinned: { answers: pinned, share: matches / pinned, low, high } };
}

function judgesOf(
  sentinels: readonly SentinelRow[],
  retests: readonly RetestRow[],
): Record<string, unknown>[] {
  const byJudge = Map.groupBy(sentinels, ({ judge_hash }) => judge_hash);
  const hashes = new Set([...byJudge.keys(), ...retests.map(({ judge_hash }) => judge_hash)]);
  return [...hashes].map((judge_hash) => {
    const own = byJudge.get(judge_hash) ?? [];
    const retest = retests.find((one) => one.judge_hash === judge_hash);
    const last = own.at(-1)?.round;
    return {
      judge_hash,
      metric: own[0]?.metric ?? retest?.metric ?? "",
      judge: own[0]?.judge ?? retest?.judge ?? "",
      sentinels: own.filter(({ round, norm }) => round === last && norm !== null).length,
      failed: own.filter(({ norm }) => norm === null).length,
      /** Of the newest round: score less what it is known to be worth. */
      bias: differenceOf(
        own.filter(({ round }) => round === last),
        ({ pinned }) => pinned,
      ),
      drift: driftOf(own),
      retests: retest?.retests ?? 0,
      retest_exact: retest?.exact ?? null,
      noise_sd: retest?.noise_sd ?? null,
    };
  });
}

/** The newest round less the first, sentinel by sentinel. */
function driftOf(sentinels: readonly SentinelRow[]): Record<string, unknown> | null {
  const [first, last] = [sentinels[0]?.round, sentinels.at(-1)?.round];
  if (first === undefined || first === last) return null;
  const before = new Map(
    sentinels.filter(({ round }) => round === first).map(({ sentinel, norm }) => [sentinel, norm]),
  );
  return differenceOf(
    sentinels.filter(({ round }) => round === last),
    ({ sentinel }) => before.get(sentinel) ?? undefined,
  );
}

function differenceOf(
  rows: readonly SentinelRow[],
  of: (row: SentinelRow) => number | undefined,
): Pick<Estimate, "mean" | "low" | "high" | "n"> | null {
  const differences = rows.flatMap((row) => {
    const other = of(row);
    return row.norm === null || other === undefined ? [] : [row.norm - other];
  });
  const found = hajek(
    differences.map((value) => ({ value, inclusionProbability: 1 })),
    { superpopulation: true },
  );
  return found ? { mean: found.mean, low: found.low, high: found.high, n: found.n } : null;
}
