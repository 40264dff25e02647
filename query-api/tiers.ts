/**
 * Which stored rollup answers a question about costs.
 *
 * Three tiers hold the same dimensions by minute, hour and day, with sketches of latency; two daily tables hold users
 * and releases without sketches. The coarsest tier that can serve is read, since it has the fewest rows: it must have
 * every dimension asked for, divide the step, and not stretch the range by more than about a thirtieth.
 */
import { ApiError, badParameter } from "./errors.ts";

const MAX_STEPS = 2_000;

export const DIMENSIONS = [
  "project",
  "service",
  "environment",
  "provider",
  "model",
  "request_model",
  "response_model",
  "operation",
  "user",
  "release",
  "region",
  "prompt_name",
  "prompt_version",
] as const;
export type Dimension = (typeof DIMENSIONS)[number];

const COMMON = {
  project: "r.project",
  service: "r.service",
  environment: "r.environment",
  provider: "r.provider",
  model: "if(r.response_model = '', r.request_model, r.response_model)",
  request_model: "r.request_model",
  response_model: "r.response_model",
  operation: "r.operation",
} as const satisfies Partial<Record<Dimension, string>>;

export interface Tier {
  table: "llm_1m" | "llm_1h" | "llm_1d" | "cost_by_user_1d" | "cost_by_release_1d";
  seconds: number;
  /** Whether it keeps latency sketches, and errors and estimates of model calls apart. */
  sketches: boolean;
  /** The rows' time as a DateTime. */
  time: string;
  /** Column or expression of each dimension that the table has. */
  dimensions: Partial<Record<Dimension, string>>;
}

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

const TIERS: readonly Tier[] = [
  { table: "llm_1d", seconds: DAY, sketches: true, time: "r.ts", dimensions: COMMON },
  { table: "llm_1h", seconds: HOUR, sketches: true, time: "r.ts", dimensions: COMMON },
  { table: "llm_1m", seconds: MINUTE, sketches: true, time: "r.ts", dimensions: COMMON },
];

const DAILY: readonly Tier[] = [
  {
    table: "cost_by_user_1d",
    seconds: DAY,
    sketches: false,
    time: "toDateTime(r.day, 'UTC')",
    dimensions: {
      project: "r.project",
      user: "r.user_id",
      provider: "r.provider",
      request_model: "r.request_model",
    },
  },
  {
    table: "cost_by_release_1d",
    seconds: DAY,
    sketches: false,
    time: "toDateTime(r.day, 'UTC')",
    dimensions: {
      ...COMMON,
      release: "r.release",
      region: "r.region",
      prompt_name: "r.prompt_name",
      prompt_version: "r.prompt_version",
    },
  },
];

export interface Question {
  dimensions: readonly Dimension[];
  fromMs: number;
  toMs: number;
  /** Seconds; undefined: no division by time. */
  step: number | undefined;
}

/** @throws ApiError `unsupported_combination` */
export function chooseTier({ dimensions, fromMs, toMs, step }: Question): Tier {
  const has = (tier: Tier): boolean =>
    dimensions.every((dimension) => tier.dimensions[dimension] !== undefined);
  const divides = (tier: Tier): boolean => step === undefined || step % tier.seconds === 0;
  const candidates = TIERS.filter((tier) => has(tier) && divides(tier));
  const rangeSeconds = (toMs - fromMs) / 1000;
  const fitting = candidates.find(
    (tier) => tier.seconds * 30 <= rangeSeconds || aligned(tier, fromMs, toMs),
  );
  const tier = fitting ?? candidates.at(-1) ?? DAILY.find((daily) => has(daily) && divides(daily));
  if (tier) return tier;
  throw unsupported(dimensions, step, DAILY.some(has));
}

function aligned(tier: Tier, fromMs: number, toMs: number): boolean {
  const ms = tier.seconds * 1000;
  return fromMs % ms === 0 && toMs % ms === 0;
}

function unsupported(
  dimensions: readonly Dimension[],
  step: number | undefined,
  inDaily: boolean,
): ApiError {
  const asked = dimensions.join(", ");
  if (inDaily) {
    return new ApiError(
      "unsupported_combination",
      `${asked} is kept by day: expected a step of whole days, got ${step} s`,
    );
  }
  const kept = [...TIERS.slice(0, 1), ...DAILY].map((tier) =>
    Object.keys(tier.dimensions).join(", "),
  );
  return new ApiError("unsupported_combination", `no table keeps ${asked} together`, {
    dimensions,
    tables: kept,
  });
}

/** In unix seconds, widened to whole units of the tier. */
export function alignRange(
  fromMs: number,
  toMs: number,
  seconds: number,
): { from: number; to: number } {
  const unit = seconds * 1000;
  return { from: Math.floor(fromMs / unit) * seconds, to: Math.ceil(toMs / unit) * seconds };
}

/** @throws ApiError `bad_parameter` for more than MAX_STEPS steps */
export function checkSteps(fromMs: number, toMs: number, stepSeconds: number | undefined): void {
  if (stepSeconds === undefined || (toMs - fromMs) / 1000 / stepSeconds <= MAX_STEPS) return;
  throw badParameter("step", `at most ${MAX_STEPS} steps between from and to`, `${stepSeconds} s`);
}

/** The start of a row's step, as RFC 3339; `step` in seconds is a parameter. */
export function bucketSql(tier: Tier): string {
  return `formatDateTime(toDateTime(intDiv(toUnixTimestamp(${tier.time}), {step:UInt32}) * {step:UInt32}, 'UTC'), '%FT%TZ')`;
}
