/** Random numbers that are the same for the same seed. */

export interface Random {
  /** 0 ≤ x < 1 */
  next(): number;
  /** Whole, 0 ≤ n < limit. */
  below(limit: number): number;
  pick<T>(items: readonly T[]): T;
  /** Prefers the first: the i-th is chosen in proportion to 1/(i+1). */
  pickZipf(count: number): number;
  chance(probability: number): boolean;
  /** Log-normal around 1: two thirds lie within a factor e^sigma. */
  spread(sigma: number): number;
  /** Poisson. */
  count(mean: number): number;
  hex(bytes: number): string;
}

export function createRandom(seed: number): Random {
  let state = seed | 0;
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    next,
    below,
    pick: (items) => {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error("pick: expected at least one item, got none");
      return item;
    },
    pickZipf: (count) => Math.min(count - 1, Math.floor((count + 1) ** next()) - 1),
    chance: (probability) => next() < probability,
    spread: (sigma) => Math.exp(sigma * normal(next)),
    count: (mean) => {
      let n = 0;
      for (let left = Math.exp(-mean), p = next(); p > left; p *= next()) n++;
      return n;
    },
    hex: (bytes) => {
      let text = "";
      for (let i = 0; i < bytes; i++) text += below(256).toString(16).padStart(2, "0");
      return text;
    },
  };
}

function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}
