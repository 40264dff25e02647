/**
 * How far each judge can be trusted: its scores against people's, the promotion gate, what it says when asked again, how
 * several judges do together, and whether it changed when its provider's model did.
 */
import { krippendorffAlpha } from "@assay/statistics/agreement";
import { welch } from "@assay/statistics/compare-means";
import { ENOUGH_LABELS, tryEnsemble } from "@assay/statistics/ensemble";
import { againstPeople, type PeopleAgreement } from "@assay/statistics/judge-comparison";
import { mcnemar } from "@assay/statistics/mcnemar";
import { promotionGate } from "@assay/statistics/promotion-gate";
import { comparisonFields } from "./comparison-fields.ts";
import { peopleSql } from "./labels/people.ts";
import type { Store } from "./store.ts";

const MOST_ROWS = 100_000;
/** On the scale from 1 to 5, what passes. */
const PASS = 4;
/** Below it neither agreement with people nor a retest is told. */
const LEAST = 20;
/** Of answers by length, the longest part that a judge that goes by length would pass: the scores 4 and 5. */
const LONG = 0.6;

export interface JudgeQuestion {
  /** SQL that limits `evaluations` to the range, project and metric asked for. */
  where: string;
  /** One row a score of a real judge: each once. */
  scores: string;
  parameters: Record<string, unknown>;
}

interface LabelledScore {
  judge_hash: string;
  metric: string;
  trace: string;
  score: number;
  people: number;
  people_scores: number[];
  length: number;
}

export interface Trust {
  people: Record<string, unknown> | null;
  gate: Record<string, unknown>;
}

export interface TrustAnswer {
  /** By `hash/metric`. */
  trust: Map<string, Trust>;
  ensembles: Record<string, unknown>[];
  fingerprints: Record<string, unknown>[];
}

export async function readTrust(store: Store, question: JudgeQuestion): Promise<TrustAnswer> {
  const [labelled, retests, attacks, fingerprints] = await Promise.all([
    labelledScores(store, question),
    retestsOf(store, question),
    attackShifts(store),
    fingerprintsOf(store, question),
  ]);
  const byMetric = Map.groupBy(labelled, ({ metric }) => metric);
  const trust = new Map<string, Trust>();
  for (const scores of byMetric.values()) {
    const alpha = peopleAlpha(scores);
    for (const [hash, own] of Map.groupBy(scores, ({ judge_hash }) => judge_hash)) {
      const key = `${hash}/${own[0]!.metric}`;
      trust.set(key, trustOf(own, alpha, { retest: retests.get(key), attack: attacks.get(key) }));
    }
  }
  const measured = new Set([...retests.keys(), ...attacks.keys()]);
  for (const key of measured.difference(trust)) {
    const by = { retest: retests.get(key), attack: attacks.get(key) };
    trust.set(key, { people: null, gate: { ...gateOf([], undefined, by) } });
  }
  const ensembles = [...byMetric]
    .map(([metric, scores]) => ensembleOf(metric, scores))
    .filter((one) => one !== undefined);
  return { trust, ensembles, fingerprints };
}

/** What is said of a judge that nobody measured by anything. */
export const NO_TRUST: Trust = { people: null, gate: { ...gateOf([], undefined, {}) } };

/** What is known of a judge without people. */
interface Measured {
  /** Share of equal scores when it judged again. */
  retest?: number | undefined;
  /** Mean rise of the norm by attacks. */
  attack?: number | undefined;
}

function labelledScores(store: Store, { where, scores, parameters }: JudgeQuestion) {
  return store.rows<LabelledScore>({
    sql: `SELECT j.judge_hash AS judge_hash, j.name AS metric, lower(hex(j.trace_id)) AS trace, toFloat64(assumeNotNull(j.score)) AS score,
  1 + 4 * h.label AS people, h.label_scores AS people_scores, toFloat64(s.output_tokens) AS length
FROM (SELECT * FROM (${scores}) WHERE status = 'ok' AND score IS NOT NULL AND purpose IN ('', 'traffic', 'audit', 'shadow')) AS j
INNER JOIN (${peopleSql(where)}) AS h ON h.trace_id = j.trace_id AND h.span_id = j.span_id AND h.name = j.name
LEFT JOIN (SELECT trace_id, span_id, any(output_tokens) AS output_tokens FROM assay.spans
  WHERE event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')
    AND trace_id IN (SELECT trace_id FROM assay.evaluations WHERE role = 'human' AND ${where})
  GROUP BY trace_id, span_id) AS s ON s.trace_id = j.trace_id AND s.span_id = j.span_id
LIMIT ${MOST_ROWS}`,
    parameters,
  });
}

function trustOf(
  scores: readonly LabelledScore[],
  alpha: number | undefined,
  measured: Measured,
): Trust {
  const agreement = againstPeople(...pairsOf(scores));
  return {
    people: {
      ...comparisonFields(agreement.comparison),
      sensitivity: agreement.sensitivity ?? null,
      specificity: agreement.specificity ?? null,
      people_alpha: alpha ?? null,
    },
    gate: { ...gateOf(scores, alpha, measured, agreement) },
  };
}

/** Whole scores; a mean of two people's goes to the nearer one. */
function pairsOf(scores: readonly LabelledScore[]): [number[], number[]] {
  return [
    scores.map(({ score }) => Math.round(score)),
    scores.map(({ people }) => Math.round(people)),
  ];
}

function gateOf(
  scores: readonly LabelledScore[],
  alpha: number | undefined,
  { retest, attack }: Measured,
  agreement?: PeopleAgreement,
) {
  const [, people] = pairsOf(scores);
  const isEnough = scores.length >= LEAST;
  return promotionGate({
    labels: scores.length,
    levels: new Set(people).size,
    kappa: isEnough ? agreement?.comparison.kappaQuadratic : undefined,
    peopleAgreement: alpha,
    sensitivity: isEnough ? agreement?.sensitivity?.value : undefined,
    specificity: isEnough ? agreement?.specificity?.value : undefined,
    againstLength: isEnough ? againstLength(scores) : undefined,
    retestExact: retest,
    attackShift: attack,
  });
}

/** Undefined where the lengths of the answers are not known. */
function againstLength(scores: readonly LabelledScore[]) {
  const lengths = scores.map(({ length }) => length);
  if (lengths.every((length) => length === 0)) return undefined;
  const limit = lengths.toSorted((a, b) => a - b)[Math.floor(LONG * lengths.length)]!;
  let [judgeOnly, lengthOnly] = [0, 0];
  for (const { score, people, length } of scores) {
    const truth = Math.round(people) >= PASS;
    const byJudge = score >= PASS === truth;
    const byLength = length >= limit === truth;
    if (byJudge && !byLength) judgeOnly++;
    if (!byJudge && byLength) lengthOnly++;
  }
  return { judgeOnly, lengthOnly, p: mcnemar(judgeOnly, lengthOnly).p };
}

function peopleAlpha(scores: readonly LabelledScore[]): number | undefined {
  const records = new Map(scores.map(({ trace, people_scores }) => [trace, people_scores]));
  return krippendorffAlpha([...records.values()], "ordinal");
}

/** Of the judges that scored most of what people did; undefined: fewer than two, or too few labels. */
function ensembleOf(
  metric: string,
  scores: readonly LabelledScore[],
): Record<string, unknown> | undefined {
  const byJudge = Map.groupBy(scores, ({ judge_hash }) => judge_hash);
  const judges = [...byJudge]
    .filter(([, own]) => own.length >= ENOUGH_LABELS)
    .map(([hash]) => hash);
  if (judges.length < 2) return undefined;
  const rows = [...Map.groupBy(scores, ({ trace }) => trace).values()].flatMap((own) => {
    const given = judges.map((hash) => own.find(({ judge_hash }) => judge_hash === hash)?.score);
    const known = given.filter((score) => score !== undefined);
    return known.length === judges.length
      ? [{ given: known.map(Math.round), truth: Math.round(own[0]!.people) >= PASS }]
      : [];
  });
  if (rows.length < ENOUGH_LABELS) return undefined;
  const truths = rows.map(({ truth }) => truth);
  const trial = tryEnsemble(
    rows.map(({ given }) => given.map(String)),
    truths,
    rows.map(({ given }) => given.map((score) => score >= PASS)),
  );
  const alone = judges.map((judge_hash, at) => ({
    judge_hash,
    accuracy: rows.filter(({ given, truth }) => given[at]! >= PASS === truth).length / rows.length,
  }));
  return {
    metric,
    labels: trial.labels,
    accuracy: trial.accuracy,
    majority: trial.majority,
    consensus: trial.consensus,
    alone,
  };
}

/** Share of records judged again whose score is the same, by `hash/metric`. */
async function retestsOf(
  store: Store,
  { scores, parameters }: JudgeQuestion,
): Promise<Map<string, number>> {
  const rows = await store.rows<{ key: string; n: number; same: number }>({
    sql: `SELECT concat(judge_hash, '/', name) AS key, toFloat64(count()) AS n, toFloat64(countIf(first_score = again)) AS same FROM (
  SELECT judge_hash, name, trace_id, span_id, anyIf(score, purpose IN ('', 'traffic', 'audit', 'shadow')) AS first_score, anyIf(score, purpose = 'retest') AS again
  FROM (${scores}) WHERE status = 'ok' AND score IS NOT NULL
  GROUP BY judge_hash, name, trace_id, span_id HAVING countIf(purpose = 'retest') > 0 AND countIf(purpose IN ('', 'traffic', 'audit', 'shadow')) > 0)
GROUP BY key HAVING n >= ${LEAST}`,
    parameters,
  });
  return new Map(rows.map(({ key, n, same }) => [key, same / n]));
}

/** Of the last time that each judge was attacked, by `hash/metric`; whatever the range that is asked about. */
async function attackShifts(store: Store): Promise<Map<string, number>> {
  const rows = await store.rows<{ key: string; shift: number | null }>({
    sql: `SELECT concat(judge_hash, '/', metric) AS key, argMax(tuple(shift), tried_at).1 AS shift
FROM assay.judge_attacks GROUP BY judge_hash, metric LIMIT 1000`,
    parameters: {},
  });
  return new Map(rows.flatMap(({ key, shift }) => (shift === null ? [] : [[key, shift] as const])));
}

interface FingerprintRow {
  judge_hash: string;
  metric: string;
  judge_model: string;
  fingerprint: string;
  first: string;
  last: string;
  n: number;
  mean: number;
  deviation: number;
}

/**
 * The models that the provider says it was, of judges that had several, in the order in which they came; each against the one before.
 * Traffic may have changed as well: what is judged again by both tells them apart.
 */
async function fingerprintsOf(
  store: Store,
  { scores, parameters }: JudgeQuestion,
): Promise<Record<string, unknown>[]> {
  const rows = await store.rows<FingerprintRow>({
    sql: `SELECT judge_hash, name AS metric, judge_model, judge_fingerprint AS fingerprint,
  concat(replaceOne(toString(min(evaluated_at)), ' ', 'T'), 'Z') AS first, concat(replaceOne(toString(max(evaluated_at)), ' ', 'T'), 'Z') AS last,
  toFloat64(count()) AS n, avg(assumeNotNull(norm)) AS mean, if(n > 1, stddevSamp(assumeNotNull(norm)), 0) AS deviation
FROM (${scores}) WHERE status = 'ok' AND norm IS NOT NULL AND purpose IN ('', 'traffic', 'audit', 'shadow')
GROUP BY judge_hash, metric, judge_model, fingerprint ORDER BY judge_hash, metric, min(evaluated_at) LIMIT 1000`,
    parameters,
  });
  const byJudge = Map.groupBy(rows, ({ judge_hash, metric }) => `${judge_hash}/${metric}`);
  return [...byJudge.values()]
    .filter((versions) => versions.length > 1)
    .flatMap((versions) =>
      versions.map((version, at) => {
        const { deviation: _deviation, ...shown } = version;
        return { ...shown, change: at === 0 ? null : changeOf(version, versions[at - 1]!) };
      }),
    );
}

function changeOf(now: FingerprintRow, before: FingerprintRow): Record<string, number> | null {
  const group = ({ mean, deviation, n }: FingerprintRow) => ({
    mean,
    standardDeviation: deviation,
    n,
  });
  const found = welch(group(now), group(before));
  if (!found) return null;
  const { difference, low, high, p } = found;
  return { difference, low, high, p };
}
