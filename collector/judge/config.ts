/**
 * The file that ASSAY_JUDGE names: which metrics are judged by which models, of what traffic, how much of it and for how
 * much money (docs/judging.md). Keys come from the environment, so that the file holds no secret.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { PriceBook } from "@assay/instrumentation/pricing";
import { z } from "zod";
import { configFileError, parseConfigFile, readConfigFile } from "../config-file.ts";
import {
  canarySection,
  readCanaries,
  readSentinels,
  type Canary,
  type CanarySection,
  type Sentinel,
} from "./canary/canary-config.ts";
import { readPriceBook } from "../own-prices.ts";
import type { FormName } from "./form/form.ts";
import { judgeHash } from "./judge-hash.ts";
import { loadMetrics, metricFiles, type Metric } from "./metric.ts";
import { ANY_JSON, TEXT_METRICS, type AnswerForm, type TextMetric } from "./text-metrics.ts";
import { jsonCheck } from "./text/json-answer.ts";
import { VECTOR_METRICS, type VectorMetric } from "./vector-metrics.ts";

const variable = z.strictObject({
  env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "expected a variable's name"),
});
const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_.-]{0,62}$/, "expected lower-case letters, digits, _ . -");
const share = z.number().gt(0).max(1);

const provider = z.strictObject({
  kind: z.enum(["openai", "anthropic"]).default("openai"),
  base_url: z.union([z.url({ protocol: /^https?$/ }), variable]),
  api_key: variable.optional(),
  max_in_flight: z.number().int().min(1).max(256).default(16),
});

const example = z.strictObject({
  question: z.string().optional(),
  answer: z.string(),
  context: z.array(z.string()).optional(),
  reference: z.string().optional(),
  reasoning: z.string(),
  score: z.number().int(),
});

const escalation = z.strictObject({
  /** Of the probabilities of the scores, in nats. */
  entropy_above: z.number().min(0).max(3).optional(),
  /** Norms this near to the middle, 0.5. */
  near_middle: z.number().gt(0).max(0.5).optional(),
  /** The judge abstained, or its probabilities say little. */
  unsure: z.boolean().default(true),
});

const ROLES = ["cheap", "strong", "shadow"] as const;
type Role = (typeof ROLES)[number];

const judge = z.strictObject({
  metric: name,
  provider: name,
  model: z.union([z.string().min(1), variable]),
  /** `shadow`: on trial. Its scores are stored, and in no mean. */
  role: z.enum(ROLES).default("cheap"),
  temperature: z.number().min(0).max(2).default(0.1),
  seed: z.number().int().optional(),
  max_tokens: z.number().int().min(50).max(32_000).default(700),
  chain_of_thought: z.boolean().default(true),
  /** The steps of the metric's file. */
  steps: z.boolean().default(true),
  /** Claim by claim instead of one score, where the metric's file says how. */
  claims: z.boolean().default(false),
  /** Shows the reference, where there is one, to a metric that does not need it. */
  reference_guided: z.boolean().default(false),
  examples: z.array(example).max(8).default([]),
  /** Asked so often; the score is the mean. */
  samples: z.number().int().min(1).max(15).default(1),
  logprobs: z.boolean().default(false),
  /** Pairs are judged in both orders. */
  swap: z.boolean().default(true),
  timeout_ms: z.number().int().min(100).max(600_000).default(30_000),
  max_input_characters: z.number().int().min(500).max(1_000_000).default(24_000),
  on_injection: z.enum(["flag", "exclude", "escalate"]).default("flag"),
  /** When the strong judge of the metric is asked as well. */
  escalate: escalation.optional(),
  /** For models that the price book does not know. */
  usd_per_million_tokens: z
    .strictObject({ input: z.number().min(0), output: z.number().min(0) })
    .optional(),
});

/** All that are given must hold. */
const condition = z.strictObject({
  status: z.enum(["ok", "error"]).optional(),
  models: z.array(z.string()).min(1).optional(),
  environments: z.array(z.string()).min(1).optional(),
  releases: z.array(z.string()).min(1).optional(),
  min_input_tokens: z.number().int().min(1).optional(),
  min_duration_ms: z.number().min(0).optional(),
  has_documents: z.boolean().optional(),
});

const profile = z.strictObject({
  /** @default all that no earlier profile has */
  projects: z.array(z.string().min(1)).min(1).optional(),
  weights: z.record(name, z.number().gt(0)),
  missing: z.enum(["require", "strict", "floor"]).default("require"),
  gates: z
    .array(
      z.strictObject({
        metric: name,
        below: z.number().min(0).max(1),
        max: z.number().min(0).max(1),
      }),
    )
    .default([]),
  /** Metrics that are judged and have no weight. */
  also: z.array(name).default([]),
  /** Computed from the texts, without a model. */
  without_model: z.array(z.enum(TEXT_METRICS)).default([]),
  /** A file with the JSON Schema that answers are to have, for `valid_json`. */
  answer_schema: z.string().optional(),
  /** Computed from what the model of `embeddings` makes of them. */
  by_embeddings: z.array(z.enum(VECTOR_METRICS)).default([]),
  sampling: z
    .strictObject({
      strata: z
        .array(
          z.strictObject({
            name,
            when: condition,
            probability: share,
            /** Share of the money that is for this stratum alone. */
            reserve: z.number().gt(0).lt(1).optional(),
          }),
        )
        .max(20)
        .default([]),
      rest: share.default(0.1),
      minimum: share.default(0.001),
      /** Of the records that are judged: those that strong judges see as well. */
      audit: share.default(0.15),
      /** Of the records that are judged: those that judges on trial see as well. */
      shadow: share.default(0.15),
      /** Of the records that are judged: those that the same judge sees twice. */
      retest: z.number().min(0).max(1).default(0),
    })
    .prefault({}),
});

const file = z.strictObject({
  providers: z.record(name, provider),
  judges: z.array(judge).min(1),
  profiles: z.array(profile).min(1),
  embeddings: z
    .strictObject({
      provider: name,
      model: z.union([z.string().min(1), variable]),
      timeout_ms: z.number().int().min(100).max(600_000).default(30_000),
      usd_per_million_tokens: z.strictObject({ input: z.number().min(0) }).optional(),
    })
    .optional(),
  settle_seconds: z.number().min(0).max(86_400).default(300),
  usd_per_day: z.number().gt(0).optional(),
  usd_per_month: z.number().gt(0).optional(),
  metrics_folder: z.string().optional(),
  golden_set: z.string().optional(),
  events: z.boolean().default(true),
  canaries: canarySection.optional(),
});

interface JudgeProvider {
  name: string;
  kind: "openai" | "anthropic";
  baseUrl: string;
  apiKey: string;
  maxInFlight: number;
}

export type Example = z.output<typeof example>;
export type Condition = z.output<typeof condition>;
type Escalation = z.output<typeof escalation>;

/** How a call is priced: in 1e-12 USD a token, or else by the book, with the prices of one's own, as this provider's. */
export interface JudgePrice {
  own?: { input: bigint; output: bigint };
  book: PriceBook;
  provider: string;
}

export interface Judge {
  metric: Metric;
  provider: JudgeProvider;
  model: string;
  role: Role;
  temperature: number;
  seed: number | undefined;
  maxTokens: number;
  form: FormName;
  chainOfThought: boolean;
  steps: boolean;
  referenceGuided: boolean;
  examples: readonly Example[];
  samples: number;
  logprobs: boolean;
  /** Of pairs of answers (pairwise.ts): no part of the hash, which is of single scores. */
  swap: boolean;
  timeoutMs: number;
  maxInputCharacters: number;
  onInjection: "flag" | "exclude" | "escalate";
  escalate: Escalation | undefined;
  price: JudgePrice;
  /** 32 hex digits of everything that decides how it judges. */
  hash: string;
}

export interface Profile {
  projects: readonly string[] | undefined;
  /** By metric. */
  judges: ReadonlyMap<string, Judge>;
  /** A second judge of some metrics, for a part of the records. */
  strong: ReadonlyMap<string, Judge>;
  audit: number;
  /** A judge on trial of some metrics, for a part of the records. */
  onTrial: ReadonlyMap<string, Judge>;
  shadow: number;
  retest: number;
  textMetrics: readonly TextMetric[];
  answerForm: AnswerForm;
  vectorMetrics: readonly VectorMetric[];
  /** Undefined: none is configured. */
  embedder: Embedder | undefined;
  weights: Readonly<Record<string, number>>;
  missing: "require" | "strict" | "floor";
  gates: readonly { metric: string; below: number; max: number }[];
  strata: readonly { name: string; when: Condition; probability: number }[];
  rest: number;
  minimum: number;
}

/** The model that makes vectors of texts. */
interface Embedder {
  provider: JudgeProvider;
  model: string;
  timeoutMs: number;
  price: JudgePrice;
}

export interface CanaryTarget {
  /** provider/model */
  name: string;
  provider: string;
  model: string;
  temperature: number;
  seed: number | undefined;
  maxTokens: number;
  timeoutMs: number;
  price: JudgePrice;
}

export interface CanaryConfig {
  targets: readonly CanaryTarget[];
  canaries: readonly Canary[];
  sentinels: readonly Sentinel[];
  periodMs: number;
  runs: number;
  usdPerDay: number;
  judged: boolean;
  project: string;
}

export interface JudgeConfig {
  profiles: readonly Profile[];
  /** All that the file names, in its order. */
  judges: readonly Judge[];
  providers: readonly JudgeProvider[];
  settleMs: number;
  usdPerDay: number | undefined;
  usdPerMonth: number | undefined;
  /** Shares of both that strata have to themselves, by name. */
  reserves: ReadonlyMap<string, number>;
  /** Reference answers by normalised question. */
  golden: ReadonlyMap<string, string>;
  /** The same, of canaries that have one. */
  canaryReferences: ReadonlyMap<string, string>;
  canaries: CanaryConfig | undefined;
  /** Scores are sent to the destinations of ASSAY_FORWARD that take logs. */
  events: boolean;
  /** What it was read from: files, and the folder of metrics. */
  files: readonly string[];
}

type File = z.output<typeof file>;
type JudgeSection = File["judges"][number];

/**
 * @param env also names the file with prices of one's own (ASSAY_PRICES)
 * @throws ConfigFileError naming every problem
 */
export function readJudgeConfig(
  path: string | undefined,
  env: NodeJS.ProcessEnv,
): JudgeConfig | undefined {
  if (path === undefined) return undefined;
  return parseJudgeConfig(readConfigFile("ASSAY_JUDGE", path), env, path);
}

export function parseJudgeConfig(text: string, env: NodeJS.ProcessEnv, path: string): JudgeConfig {
  const found = parseConfigFile(text, path, file);
  const problems: string[] = [];
  const book = readPriceBook(env["ASSAY_PRICES"] || undefined);
  const from = (value: string | { env: string } | undefined, at: string): string => {
    if (typeof value !== "object") return value ?? "";
    const read = env[value.env];
    if (read === undefined || read === "") problems.push(`${at}: ${value.env} is not set`);
    return read ?? "";
  };
  const beside = (other: string): string => resolve(dirname(path), other);
  const folder = found.metrics_folder && beside(found.metrics_folder);
  const goldenSet = found.golden_set && beside(found.golden_set);
  const metrics = loadMetrics(folder);
  const providers = new Map(
    Object.entries(found.providers).map(([key, section]) => {
      const baseUrl = from(section.base_url, `providers.${key}.base_url`);
      const apiKey = from(section.api_key, `providers.${key}.api_key`);
      const made = {
        name: key,
        kind: section.kind,
        baseUrl,
        apiKey,
        maxInFlight: section.max_in_flight,
      };
      return [key, made] as const;
    }),
  );
  const judges = judgesOf(found, { metrics, providers, book, from, problems });
  const embedder = embedderOf(found, { providers, book, from, problems });
  const profiles = found.profiles.map((section, at) => ({
    ...profileOf(section, `profiles.${at}`, judges, metrics, problems),
    answerForm: formOfAnswers(
      section.answer_schema && beside(section.answer_schema),
      `profiles.${at}.answer_schema`,
      problems,
    ),
    embedder,
  }));
  const reserves = reservesOf(found, problems);
  const golden = goldenOf(goldenSet, problems);
  const canaryFiles = [found.canaries?.file, found.canaries?.sentinels].map(
    (file) => file && beside(file),
  );
  const canaries =
    found.canaries && canariesOf(found, canaryFiles, { providers, judges, book, from, problems });
  if (problems.length > 0) throw configFileError(path, problems);
  return {
    profiles,
    judges: [...judges.values()],
    providers: [...providers.values()],
    settleMs: found.settle_seconds * 1_000,
    usdPerDay: found.usd_per_day,
    usdPerMonth: found.usd_per_month,
    reserves,
    golden,
    canaryReferences: new Map(
      canaries?.canaries.flatMap(({ question, reference }) =>
        reference === undefined ? [] : [[normalisedQuestion(question), reference] as const],
      ),
    ),
    canaries,
    events: found.events,
    files: [
      resolve(path),
      goldenSet,
      folder,
      ...found.profiles.map(({ answer_schema: file }) => file && beside(file)),
      ...canaryFiles,
      ...metricFiles(folder),
    ].filter((one) => one !== undefined),
  };
}

function judgesOf(
  { judges, usd_per_day, usd_per_month }: File,
  {
    metrics,
    providers,
    book,
    from,
    problems,
  }: {
    metrics: ReadonlyMap<string, Metric>;
    providers: ReadonlyMap<string, JudgeProvider>;
    book: PriceBook;
    from: (value: string | { env: string }, at: string) => string;
    problems: string[];
  },
): Map<string, Judge> {
  const found = new Map<string, Judge>();
  judges.forEach((section, at) => {
    const place = `judges.${at}`;
    const metric = metrics.get(section.metric);
    if (!metric)
      problems.push(
        `${place}.metric: expected one of ${[...metrics.keys()].join(", ")}, got "${section.metric}"`,
      );
    const provider = providers.get(section.provider);
    if (!provider)
      problems.push(
        `${place}.provider: expected one of ${[...providers.keys()].join(", ")}, got "${section.provider}"`,
      );
    const key = keyOf(section.metric, section.role);
    if (found.has(key))
      problems.push(`${place}.metric: "${section.metric}" has a ${section.role} judge already`);
    const model = from(section.model, `${place}.model`);
    if (!metric) return;
    problems.push(...strategyProblems(section, metric).map((problem) => `${place}.${problem}`));
    if (!provider) return;
    const judge = {
      metric,
      provider,
      model,
      role: section.role,
      temperature: section.temperature,
      seed: section.seed,
      maxTokens: section.max_tokens,
      form: formOf(section, metric),
      chainOfThought: section.chain_of_thought,
      steps: section.steps,
      referenceGuided: section.reference_guided,
      examples: section.examples,
      samples: section.samples,
      logprobs: section.logprobs,
      swap: section.swap,
      timeoutMs: section.timeout_ms,
      maxInputCharacters: section.max_input_characters,
      onInjection: section.on_injection,
      escalate: section.escalate,
      price: priceOf(section, provider, book),
    };
    if ((usd_per_day ?? usd_per_month) !== undefined && !isPriced(judge))
      problems.push(
        `${place}: expected usd_per_million_tokens, because nothing is known of the price of "${model}" and ${usd_per_day === undefined ? "usd_per_month" : "usd_per_day"} limits the spend`,
      );
    found.set(key, { ...judge, hash: judgeHash(judge) });
  });
  return found;
}

function formOf({ claims }: JudgeSection, metric: Metric): FormName {
  if (metric.documents !== undefined) return "documents";
  return metric.claims && (claims || metric.scores.length === 0) ? "claims" : "scores";
}

/** Samples of a judge that always says the same are one sample. */
const LEAST_TEMPERATURE_OF_SAMPLES = 0.7;

function strategyProblems(section: JudgeSection, metric: Metric): string[] {
  const problems: string[] = [];
  const { claims, examples, logprobs, samples, temperature } = section;
  const isByScore = formOf(section, metric) === "scores";
  if (claims && !metric.claims)
    problems.push(`claims: expected a metric whose file has "## Claims", got "${metric.metric}"`);
  if (samples > 1 && temperature < LEAST_TEMPERATURE_OF_SAMPLES)
    problems.push(
      `samples: expected a temperature of at least ${LEAST_TEMPERATURE_OF_SAMPLES} with several, got "${temperature}"`,
    );
  if (!isByScore && (logprobs || examples.length > 0))
    problems.push(
      `${logprobs ? "logprobs" : "examples"}: expected a judge that answers with one score`,
    );
  const most = metric.scores.length;
  examples.forEach((example, i) => {
    if (isByScore && (example.score < 1 || example.score > most))
      problems.push(`examples.${i}.score: expected 1 to ${most}, got "${example.score}"`);
    for (const part of metric.needs)
      if (example[part] === undefined)
        problems.push(`examples.${i}.${part}: expected it, because the metric needs it`);
  });
  return problems;
}

function keyOf(metric: string, role: Role): string {
  return `${metric}/${role}`;
}

function canariesOf(
  { canaries: section, profiles }: File,
  [file, sentinelFile]: readonly (string | undefined)[],
  {
    providers,
    judges,
    book,
    from,
    problems,
  }: {
    providers: ReadonlyMap<string, JudgeProvider>;
    judges: ReadonlyMap<string, Judge>;
    book: PriceBook;
    from: (value: string | { env: string }, at: string) => string;
    problems: string[];
  },
): CanaryConfig {
  const { targets, runs, every_hours, usd_per_day, judged, project } = section!;
  const canaries = readCanaries(file, problems);
  const sentinels = readSentinels(sentinelFile, problems);
  const judgedMetrics = new Set([...judges.values()].map(({ metric }) => metric.metric));
  for (const { metric, name: sentinel } of sentinels)
    if (!judgedMetrics.has(metric))
      problems.push(`canaries.sentinels, ${sentinel}: "${metric}" has no judge`);
  if (canaries.length > 0 && targets.length === 0)
    problems.push("canaries.targets: expected at least one for the canaries of the file");
  if (judged && !profiles.some(({ projects }) => !projects || projects.includes(project)))
    problems.push(`canaries.judged: expected a profile for project "${project}"`);
  return {
    targets: targets.flatMap((target, at) =>
      targetOf(target, `canaries.targets.${at}`, { providers, book, from, problems }),
    ),
    canaries,
    sentinels,
    periodMs: every_hours * 3_600_000,
    runs,
    usdPerDay: usd_per_day,
    judged,
    project,
  };
}

function targetOf(
  section: CanarySection["targets"][number],
  place: string,
  {
    providers,
    book,
    from,
    problems,
  }: {
    providers: ReadonlyMap<string, JudgeProvider>;
    book: PriceBook;
    from: (value: string | { env: string }, at: string) => string;
    problems: string[];
  },
): CanaryTarget[] {
  const provider = providers.get(section.provider);
  const model = from(section.model, `${place}.model`);
  if (!provider) {
    problems.push(
      `${place}.provider: expected one of ${[...providers.keys()].join(", ")}, got "${section.provider}"`,
    );
    return [];
  }
  const price = priceOf(section, provider, book);
  if (!isPriced({ price, model }))
    problems.push(
      `${place}: expected usd_per_million_tokens, because nothing is known of the price of "${model}" and usd_per_day limits the spend`,
    );
  const { temperature, seed, max_tokens: maxTokens, timeout_ms: timeoutMs } = section;
  const target = `${provider.name}/${model}`;
  return [
    {
      name: target,
      provider: provider.name,
      model,
      temperature,
      seed,
      maxTokens,
      timeoutMs,
      price,
    },
  ];
}

function priceOf(
  { usd_per_million_tokens: usd }: Pick<JudgeSection, "usd_per_million_tokens">,
  { kind }: JudgeProvider,
  book: PriceBook,
): JudgePrice {
  if (!usd) return { book, provider: kind };
  const pico = (perMillion: number): bigint => BigInt(Math.round(perMillion * 1e6));
  return { own: { input: pico(usd.input), output: pico(usd.output) }, book, provider: kind };
}

function isPriced({ price, model }: Pick<Judge, "price" | "model">): boolean {
  return (
    price.own !== undefined || price.book.resolve(price.provider, model, Date.now()) !== undefined
  );
}

function profileOf(
  section: File["profiles"][number],
  place: string,
  judges: ReadonlyMap<string, Judge>,
  metrics: ReadonlyMap<string, Metric>,
  problems: string[],
): Omit<Profile, "answerForm" | "embedder"> {
  // The only judge of a metric sees all that are chosen, whatever it is called.
  const first = (metric: string): Judge | undefined =>
    judges.get(keyOf(metric, "cheap")) ?? judges.get(keyOf(metric, "strong"));
  const used = new Map<string, Judge>();
  for (const metric of [...Object.keys(section.weights), ...section.also]) {
    const judge = first(metric);
    if (judge) used.set(metric, judge);
    else problems.push(`${place}: "${metric}" has no judge`);
    const instead = metrics.get(metric)?.instead;
    const other = instead === undefined ? undefined : first(instead);
    if (instead !== undefined && other) used.set(instead, other);
  }
  const strong = new Map<string, Judge>();
  const onTrial = new Map<string, Judge>();
  for (const [metric, judge] of used) {
    const trial = judges.get(keyOf(metric, "shadow"));
    if (trial) onTrial.set(metric, trial);
    const second = judges.get(keyOf(metric, "strong"));
    if (second && second !== judge) strong.set(metric, second);
    else if (judge.escalate || judge.onInjection === "escalate")
      problems.push(`${place}: "${metric}" escalates and has no strong judge`);
  }
  if (Object.keys(section.weights).length === 0)
    problems.push(`${place}.weights: expected at least one`);
  const { strata, rest, minimum, audit, shadow, retest } = section.sampling;
  for (const [at, { probability }] of strata.entries())
    if (probability < minimum)
      problems.push(
        `${place}.sampling.strata.${at}.probability: expected at least the minimum ${minimum}, got "${probability}"`,
      );
  return {
    projects: section.projects,
    judges: used,
    strong,
    audit,
    onTrial,
    shadow,
    retest,
    textMetrics: section.without_model,
    vectorMetrics: section.by_embeddings,
    weights: section.weights,
    missing: section.missing,
    gates: section.gates,
    strata,
    rest,
    minimum,
  };
}

function embedderOf(
  { embeddings: section, profiles, usd_per_day, usd_per_month }: File,
  {
    providers,
    book,
    from,
    problems,
  }: {
    providers: ReadonlyMap<string, JudgeProvider>;
    book: PriceBook;
    from: (value: string | { env: string }, at: string) => string;
    problems: string[];
  },
): Embedder | undefined {
  const isWanted = profiles.some(({ by_embeddings }) => by_embeddings.length > 0);
  if (!section) {
    if (isWanted) problems.push("embeddings: expected a provider and a model for by_embeddings");
    return undefined;
  }
  const provider = providers.get(section.provider);
  if (provider?.kind !== "openai") {
    problems.push(
      `embeddings.provider: expected one with an API of OpenAI's form, got "${section.provider}"`,
    );
    return undefined;
  }
  const model = from(section.model, "embeddings.model");
  const own = section.usd_per_million_tokens;
  const price = priceOf(
    { usd_per_million_tokens: own && { input: own.input, output: 0 } },
    provider,
    book,
  );
  if ((usd_per_day ?? usd_per_month) !== undefined && !isPriced({ price, model }))
    problems.push(
      `embeddings: expected usd_per_million_tokens, because nothing is known of the price of "${model}"`,
    );
  return { provider, model, timeoutMs: section.timeout_ms, price };
}

function formOfAnswers(path: string | undefined, place: string, problems: string[]): AnswerForm {
  if (!path) return ANY_JSON;
  try {
    const schema = JSON.parse(readFileSync(path, "utf8")) as NonNullable<AnswerForm["schema"]>;
    return { schema, check: jsonCheck(schema) };
  } catch (error) {
    problems.push(
      `${place}: expected a file with a JSON Schema, got "${path}": ${(error as Error).message}`,
    );
    return ANY_JSON;
  }
}

function reservesOf({ profiles, usd_per_day, usd_per_month }: File, problems: string[]) {
  const reserves = new Map<string, number>();
  for (const { sampling } of profiles)
    for (const { name: stratum, reserve } of sampling.strata) {
      if (reserve === undefined) continue;
      const before = reserves.get(stratum) ?? reserve;
      if (before !== reserve)
        problems.push(
          `sampling.strata, ${stratum}: expected one reserve, got "${before}" and "${reserve}"`,
        );
      reserves.set(stratum, reserve);
    }
  const sum = [...reserves.values()].reduce((so, one) => so + one, 0);
  if (sum >= 1)
    problems.push(`sampling.strata: expected reserves of less than 1 together, got "${sum}"`);
  if (reserves.size > 0 && (usd_per_day ?? usd_per_month) === undefined)
    problems.push("sampling.strata: expected usd_per_day or usd_per_month, of which to reserve");
  return reserves;
}

const goldenLine = z.strictObject({ question: z.string().min(1), reference: z.string().min(1) });

/** One JSON object a line. */
function goldenOf(path: string | undefined, problems: string[]): Map<string, string> {
  const golden = new Map<string, string>();
  if (path === undefined) return golden;
  if (!existsSync(path)) {
    problems.push(`golden_set: cannot read "${path}"`);
    return golden;
  }
  for (const [at, line] of readFileSync(path, "utf8").split("\n").entries()) {
    if (line.trim() === "") continue;
    const parsed = goldenLine.safeParse(jsonOf(line));
    if (parsed.success) golden.set(normalisedQuestion(parsed.data.question), parsed.data.reference);
    else problems.push(`golden_set, line ${at + 1}: expected {"question": …, "reference": …}`);
  }
  return golden;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Two ways to type a question are one question. */
export function normalisedQuestion(question: string): string {
  return question.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();
}
