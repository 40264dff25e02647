/** Values of each documented form, drawn from a seed: the same set on every machine. Written apart from the checks. */
import { createHash } from "node:crypto";
import { createRandom, type Random } from "../demo/random.ts";

export class Draw {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = createRandom(seed);
  }

  /** Both included. */
  between(least: number, most: number): number {
    return least + this.#random.below(most - least + 1);
  }

  of<T>(choices: readonly T[]): T {
    return this.#random.pick(choices);
  }

  from(alphabet: string, length: number): string {
    return Array.from({ length }, () => alphabet[this.between(0, alphabet.length - 1)]).join("");
  }

  digits(length: number): string {
    return this.from("0123456789", length);
  }

  /** `#` is a digit, `N` one from 2 to 9. */
  pattern(form: string): string {
    return form.replace(/[#N]/g, (mark) => String(this.between(mark === "N" ? 2 : 0, 9)));
  }

  luhn(prefix: string, length: number): string {
    const body = prefix + this.digits(length - prefix.length - 1);
    for (let check = 0; check < 10; check++)
      if (luhnSum(`${body}${check}`) % 10 === 0) return `${body}${check}`;
    throw new Error("one of ten digits must fit");
  }

  iban(country: string, form: string): string {
    const account = form.replace(/[#A]/g, (mark) =>
      mark === "#" ? this.digits(1) : this.from(UPPER, 1),
    );
    const rest = Array.from(`${account}${country}00`)
      .map((char) => Number.parseInt(char, 36))
      .join("");
    return `${country}${String(98n - (BigInt(rest) % 97n)).padStart(2, "0")}${account}`;
  }

  routing(): string {
    for (;;) {
      const number = this.of(["01", "02", "06", "11", "12", "26", "31"]) + this.digits(7);
      const sum = Array.from(number).reduce(
        (total, digit, at) => total + Number(digit) * [3, 7, 1][at % 3]!,
        0,
      );
      if (sum % 10 === 0) return number;
    }
  }

  nhs(): string {
    for (;;) {
      const number = this.of(["4", "6", "7"]) + this.digits(8);
      const sum = Array.from(number).reduce(
        (total, digit, at) => total + Number(digit) * (10 - at),
        0,
      );
      const check = (11 - (sum % 11)) % 11;
      if (check < 10) return number + String(check);
    }
  }

  ssn(): [string, string, string] {
    const area = this.between(1, 665);
    return [
      String(area).padStart(3, "0"),
      String(this.between(1, 99)).padStart(2, "0"),
      String(this.between(1, 9_999)).padStart(4, "0"),
    ];
  }

  hex(length: number): string {
    return this.from("0123456789abcdef", length);
  }

  base58check(version: number): string {
    const body = Buffer.from([version, ...Array.from({ length: 20 }, () => this.between(0, 255))]);
    const sha = (bytes: Buffer): Buffer => createHash("sha256").update(bytes).digest();
    const bytes = Buffer.concat([body, sha(sha(body)).subarray(0, 4)]);
    let number = BigInt(`0x${bytes.toString("hex")}`);
    let text = "";
    for (; number > 0n; number /= 58n) text = BASE58[Number(number % 58n)]! + text;
    return version === 0 ? `1${text}` : text;
  }

  /** BIP 173 (version 0) or BIP 350 (version 1). */
  bech32(version: 0 | 1): string {
    const data = [
      version,
      ...Array.from({ length: version === 0 ? 32 : 52 }, () => this.between(0, 31)),
    ];
    const sum =
      polymod([3, 3, 0, 2, 3, ...data, 0, 0, 0, 0, 0, 0]) ^ (version === 0 ? 1 : 0x2bc830a3);
    const checksum = Array.from({ length: 6 }, (_, at) => (sum >>> (5 * (5 - at))) & 31);
    return `bc1${[...data, ...checksum].map((value) => BECH32[value]).join("")}`;
  }
}

export const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
export const LOWER = UPPER.toLowerCase();
export const BASE62 = `${UPPER}${LOWER}0123456789`;
const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

function luhnSum(digits: string): number {
  return Array.from(digits)
    .toReversed()
    .reduce((sum, digit, at) => {
      const value = Number(digit) * (at % 2 === 0 ? 1 : 2);
      return sum + (value > 9 ? value - 9 : value);
    }, 0);
}

function polymod(values: readonly number[]): number {
  const terms = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
  return values.reduce((sum, value) => {
    const top = sum >>> 25;
    const shifted = ((sum & 0x1ffffff) << 5) ^ value;
    return terms.reduce((total, term, bit) => ((top >>> bit) & 1 ? total ^ term : total), shifted);
  }, 1);
}
