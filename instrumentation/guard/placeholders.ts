/** What stands where text was redacted: `[email_1]`, the same for the same value throughout one call. */
export class Placeholders {
  readonly #numbers = new Map<string, Map<string, number>>();

  of(type: string, value: string): string {
    let numbers = this.#numbers.get(type);
    if (!numbers) this.#numbers.set(type, (numbers = new Map<string, number>()));
    let number = numbers.get(value);
    if (number === undefined) numbers.set(value, (number = numbers.size + 1));
    return `[${type}_${number}]`;
  }
}
