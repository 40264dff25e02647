/**
 * The contexts of private mode: immutable, a handful of values each. The API's own context makes closures for every
 * instance, which V8 let survive one garbage collection after the other, and with them every span that had ended
 * (docs/overhead.md).
 */
import type { Context } from "@opentelemetry/api";

class PrivateContext implements Context {
  /** Each key before its value. */
  readonly #entries: readonly unknown[];

  constructor(entries: readonly unknown[]) {
    this.#entries = entries;
  }

  getValue(key: symbol): unknown {
    const at = this.#find(key);
    return at < 0 ? undefined : this.#entries[at + 1];
  }

  /** A copy and no link to this one: work that goes on for ever in ever new contexts must not keep the old ones. */
  setValue(key: symbol, value: unknown): Context {
    const at = this.#find(key);
    if (at < 0) return new PrivateContext([...this.#entries, key, value]);
    return new PrivateContext(this.#entries.with(at + 1, value));
  }

  deleteValue(key: symbol): Context {
    const at = this.#find(key);
    return at < 0 ? this : new PrivateContext(this.#entries.toSpliced(at, 2));
  }

  #find(key: symbol): number {
    for (let at = 0; at < this.#entries.length; at += 2) if (this.#entries[at] === key) return at;
    return -1;
  }
}

export const PRIVATE_ROOT: Context = new PrivateContext([]);
