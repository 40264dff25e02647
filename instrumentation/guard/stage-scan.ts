import type { Scan } from "./check.ts";
import { HeldText } from "./held-text.ts";
import type { Placeholders } from "./placeholders.ts";
import { checkFailed, Stop, stops } from "./stop.ts";
import type { Tally } from "./tally.ts";

export interface StageScanOptions {
  placeholders: Placeholders;
  /** Of one look at a text. */
  timeLimitMs: number;
  note(tally: Tally): void;
}

/** Checks that find places, at one stage of one call: its texts one after the other, or one that arrives in pieces. */
export class StageScan {
  readonly #tallies: readonly Tally[];
  readonly #options: StageScanOptions;
  #spentMs = 0;

  constructor(tallies: readonly Tally[], options: StageScanOptions) {
    this.#tallies = tallies;
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#tallies.length === 0;
  }

  /** Whether what comes must be held back: a check that only warns lets everything pass. */
  get holds(): boolean {
    return this.#tallies.some(
      ({ check }) => check.action !== "warn" || check.onFailure === "closed",
    );
  }

  /** @throws Stop */
  whole(text: string): string {
    return this.isEmpty ? text : this.pieces().finish(text);
  }

  /** A text that arrives in pieces. What it returns throws Stop. */
  pieces(): HeldText {
    this.#spentMs = 0;
    return new HeldText({
      scans: this.#tallies.map((tally) => this.#timed(tally)),
      redacts: this.#tallies.map(({ check }) => check.action === "redact"),
      found: (index, type) => {
        const tally = this.#tallies[index]!;
        tally.found(type);
        if (stops(tally.outcome)) throw new Stop(tally);
      },
      replacement: (type, value) => this.#options.placeholders.of(type, value),
    });
  }

  /** Says what was found; once, at the end. */
  note(): void {
    for (const tally of this.#tallies) this.#options.note(tally);
  }

  /** Before each look at a piece: the time limit is for one look. */
  startLook(): void {
    this.#spentMs = 0;
  }

  #timed(tally: Tally): Scan {
    const scan = tally.check.scan!;
    return {
      ...scan,
      find: (text, found) => {
        if (this.#spentMs > this.#options.timeLimitMs) this.#fail(tally, "timeout");
        if (tally.error !== undefined) return;
        const startedAt = performance.now();
        try {
          scan.find(text, found);
        } catch (error) {
          this.#fail(tally, error);
        } finally {
          const elapsed = performance.now() - startedAt;
          tally.elapsedMs += elapsed;
          this.#spentMs += elapsed;
        }
      },
    };
  }

  #fail(tally: Tally, error: unknown): void {
    checkFailed(tally, error);
    if (stops(tally.outcome)) throw new Stop(tally);
  }
}
