/**
 * Amounts of money as they come, made exact: pico-USD, the unit of Decimal(38, 12).
 *
 * Decimal text is taken digit by digit; a double is rounded to the nearest pico-USD. More than twelve decimals are
 * rounded half up, once. Not an amount (negative, not finite, not decimal text): undefined.
 */

import { latin1 } from "./scalar.ts";

/** 38 decimal digits. */
const LIMIT = 10n ** 38n;
const DECIMAL = /^\+?(\d{1,26})(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;

/**
 * The same for ASCII bytes. Plain decimals of up to 15 digits, which is what instrumentation sends, take no text, no
 * pattern and no BigInt arithmetic.
 */
export function picoUsdOfBytes(bytes: Uint8Array, from: number, to: number): bigint | undefined {
  let value = 0;
  let digits = 0;
  let decimals = -1;
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      if (value !== 0) digits++;
      if (decimals >= 0) decimals++;
    } else if (bytes[at] === 0x2e && decimals < 0 && at > from) decimals = 0;
    else return picoUsdOfText(latin1(bytes, from, to));
  }
  const scale = 12 - Math.max(decimals, 0);
  if (from === to || scale < 0 || digits + scale > 15) {
    return picoUsdOfText(latin1(bytes, from, to));
  }
  return BigInt(value * POWERS_OF_TEN[scale]!);
}

const POWERS_OF_TEN = Array.from({ length: 13 }, (_, power) => 10 ** power);

export function picoUsdOfText(text: string): bigint | undefined {
  const match = DECIMAL.exec(text.trim());
  if (match === null) return undefined;
  const [, whole = "", decimals = "", exponent = "0"] = match;
  return scaled(whole + decimals, 12 - decimals.length + Number(exponent));
}

export function picoUsdOfNumber(value: number): bigint | undefined {
  if (!(value >= 0) || value >= 1e26) return undefined;
  const pico = Math.round(value * 1e12);
  if (pico <= Number.MAX_SAFE_INTEGER) return BigInt(pico);
  return picoUsdOfText(String(value));
}

/** digits × 10^power, rounded half up to a whole number. */
function scaled(digits: string, power: number): bigint | undefined {
  if (power > 64) return BigInt(digits) === 0n ? 0n : undefined;
  if (power >= 0) return bounded(BigInt(digits) * 10n ** BigInt(power));
  if (-power > digits.length) return 0n;
  const kept = BigInt(digits.slice(0, power) || "0");
  return bounded(digits.charCodeAt(digits.length + power) >= 0x35 ? kept + 1n : kept);
}

function bounded(value: bigint): bigint | undefined {
  return value < LIMIT ? value : undefined;
}
