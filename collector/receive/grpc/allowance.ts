/** So many at once, and so many a second from then on. */
export class Allowance {
  readonly #burst: number;
  readonly #perMs: number;
  readonly #now: () => number;
  #left: number;
  #at: number;

  constructor(
    burst: number,
    perSecond: number,
    now: () => number = performance.now.bind(performance),
  ) {
    this.#burst = burst;
    this.#perMs = perSecond / 1_000;
    this.#now = now;
    this.#left = burst;
    this.#at = now();
  }

  refill(): void {
    this.#left = this.#burst;
  }

  /** False when it is used up. */
  take(): boolean {
    const now = this.#now();
    this.#left = Math.min(this.#burst, this.#left + (now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
