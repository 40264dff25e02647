/**
 * Bounds how many distinct values a dimension may have in the rollups, per project and day: the value is kept on the
 * span, but its bit in `folded` makes the rollups count it as `other`. One service that puts a request id into its
 * model name cannot make every dashboard slow.
 *
 * Values are remembered as 32-bit hashes, seeded at random: two values of one hash count as one, which lets a limit be
 * passed by a hair and never folds what should not be. What is remembered is forgotten when the collector restarts
 * (a value that was folded may then be kept) and when more than `MAX_DAYS` project-days are in use.
 */
import { randomInt } from "node:crypto";

/** In the order of their bits. */
export const DIMENSIONS = [
  "project",
  "service",
  "environment",
  "provider",
  "request_model",
  "response_model",
  "operation",
  "release",
  "region",
  "prompt_name",
  "prompt_version",
  "user_id",
] as const;

export type Dimension = (typeof DIMENSIONS)[number];

/** Distinct values per project and day; for `project` itself: per day. */
export type CardinalityLimits = Record<Dimension, number>;

export const DEFAULT_LIMITS: CardinalityLimits = {
  project: 200,
  service: 200,
  environment: 100,
  provider: 100,
  request_model: 500,
  response_model: 500,
  operation: 50,
  release: 500,
  region: 100,
  prompt_name: 500,
  prompt_version: 500,
  user_id: 10_000,
};

/** Project-days remembered at once; the one not used for longest goes first. */
const MAX_DAYS = 2_000;

const SEED = randomInt(2 ** 31);

/** Never 0, which stands for an empty value. */
export function hashValue(source: Uint8Array, from: number, to: number): number {
  if (from === to) return 0;
  let hash = SEED ^ (to - from);
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ source[at]!, 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  hash ^= hash >>> 13;
  return hash === 0 ? 1 : hash;
}

export class Cardinality {
  readonly #limits: readonly number[];
  /** By day and project hash, the one used last at the end. */
  readonly #days = new Map<string, DayState>();
  #day = -1;
  #project = 0;
  #state: DayState | undefined;

  constructor(limits: CardinalityLimits = DEFAULT_LIMITS) {
    this.#limits = DIMENSIONS.map((dimension) => limits[dimension]);
  }

  /** The bits for a span whose values have these hashes, in the order of `DIMENSIONS`; 0 for an empty value. */
  fold(day: number, hashes: Int32Array): number {
    const state = this.#stateOf(day, hashes[0]!);
    let bits = state.folded ? 1 : 0;
    const last = state.last;
    for (let dimension = 1; dimension < DIMENSIONS.length; dimension++) {
      const hash = hashes[dimension]!;
      if (hash === last[dimension] || hash === 0) continue;
      if (state.take(dimension, hash, this.#limits[dimension]!)) last[dimension] = hash;
      else bits |= 1 << dimension;
    }
    return bits;
  }

  #stateOf(day: number, project: number): DayState {
    if (this.#state !== undefined && day === this.#day && project === this.#project) {
      return this.#state;
    }
    this.#day = day;
    this.#project = project;
    // The projects of a day are the values of a project 0 of that day; those beyond the limit share one state.
    const folded = !this.#remembered(`${day}`).take(0, project, this.#limits[0]!);
    this.#state = this.#remembered(folded ? `${day} other` : `${day} ${project}`);
    this.#state.folded = folded;
    return this.#state;
  }

  #remembered(key: string): DayState {
    const known = this.#days.get(key);
    this.#days.delete(key);
    const state = known ?? new DayState();
    this.#days.set(key, state);
    if (this.#days.size > MAX_DAYS) {
      for (const oldest of this.#days.keys()) {
        this.#days.delete(oldest);
        break;
      }
    }
    return state;
  }
}

/** What one project has shown on one day. */
class DayState {
  folded = false;
  /** The value last seen and not folded, by dimension. */
  readonly last = new Int32Array(DIMENSIONS.length);
  readonly #values: (Set<number> | undefined)[] = DIMENSIONS.map(() => undefined);

  /** Whether the value is known or there is room for it. */
  take(dimension: number, hash: number, limit: number): boolean {
    const values = (this.#values[dimension] ??= new Set());
    if (values.has(hash)) return true;
    if (values.size >= limit) return false;
    values.add(hash);
    return true;
  }
}
