/** The providers of a configuration, each with its gate, and what their calls cost. */
import type { Provider } from "./ask.ts";
import type { JudgeConfig, JudgePrice } from "./config.ts";
import { connectProviders } from "./connect-providers.ts";
import type { GateStats } from "./gate.ts";
import type { ModelAnswer } from "./provider.ts";

export interface ProviderStats {
  name: string;
  gate: GateStats;
}

export class Providers {
  readonly #byName: ReadonlyMap<string, Provider>;

  /** @param closedPauseMs for which one that is away is left alone at first; see gate.ts */
  constructor(providers: JudgeConfig["providers"], closedPauseMs?: number) {
    const pause = closedPauseMs === undefined ? {} : { pauseMs: closedPauseMs };
    this.#byName = connectProviders(providers, pause);
  }

  /** @throws RangeError for one that is not configured */
  get(name: string): Provider {
    const found = this.#byName.get(name);
    if (!found)
      throw new RangeError(
        `expected a provider out of ${[...this.#byName.keys()].join(", ")}, got "${name}"`,
      );
    return found;
  }

  stats(): ProviderStats[] {
    return [...this.#byName].map(([name, { gate }]) => ({ name, gate: gate.stats() }));
  }

  get someClosed(): boolean {
    return this.stats().some(({ gate }) => gate.closed !== undefined);
  }

  stop(): void {
    for (const { gate } of this.#byName.values()) gate.stop();
  }
}

/** In 1e-12 USD, by the prices of one's own or the book; undefined: not known. */
export function priceOf(
  { price, model }: { price: JudgePrice; model: string },
  usage: ModelAnswer["usage"],
  nowUnixMs: number,
): bigint | undefined {
  const { own, book, provider } = price;
  if (own) return own.input * BigInt(usage.inputTokens) + own.output * BigInt(usage.outputTokens);
  const found = book.resolve(provider, model, nowUnixMs);
  return found && book.cost(found, usage);
}
