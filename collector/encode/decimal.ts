/**
 * Amounts of money as they come, made exact: pico-USD, the unit of Decimal(38, 12).
 *
 * Decimal text is taken digit by digit; a double is rounded to the nearest pico-USD. More than twelve decimals are
 * rounded half up, once. Not an amount (negative, not finite, not decimal text): undefined.
 */

/** 38 decimal digits. */
const LIMIT = 10n ** 38n;
const DECIMAL = /^\+?(\d{1,26})(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;

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
