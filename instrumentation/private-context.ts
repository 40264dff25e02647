/**
 * The contexts of private mode: immutable, a handful of values each. The API's own context makes closures for every
 * instance, which V8 let survive one garbage collection after the other, and with them every span that had ended
 * (docs/overhead.md).
 */
import type { Context } from "@opentelemetry/api";

class PrivateContext implements Context {
  readonly #keys: readonly symbol[];
  readonly #values: readonly unknown[];

  constructor(keys: readonly symbol[], values: readonly unknown[]) {
    this.#keys = keys;
    this.#values = values;
  }

  getValue(key: symbol): unknown {
    const at = this.#keys.indexOf(key);
    return at < 0 ? undefined : this.#values[at];
  }

  /** A copy and no link to this one: work that goes on for ever in ever new contexts must not keep the old ones. */
  setValue(key: symbol, value: unknown): Context {
    const at = this.#keys.indexOf(key);
    if (at < 0) return new PrivateContext([...this.#keys, key], [...this.#values, value]);
    return new PrivateContext(this.#keys, this.#values.with(at, value));
  }

  deleteValue(key: symbol): Context {
    const at = this.#keys.indexOf(key);
    if (at < 0) return this;
    return new PrivateContext(this.#keys.toSpliced(at, 1), this.#values.toSpliced(at, 1));
  }
}

export const PRIVATE_ROOT: Context = new PrivateContext([], []);
