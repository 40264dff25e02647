/** 64-bit integers as two unsigned 32-bit halves: BigInt only where a double could not hold the value. */

const TWO_32 = 2 ** 32;

/** Signed decimal text. */
export function decimalInt64(low: number, high: number): string {
  const value = int64ToNumber(low, high);
  if (Number.isSafeInteger(value)) return String(value);
  return String(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)));
}

/** Signed; exact only within ±2^53. */
export function int64ToNumber(low: number, high: number): number {
  return (high | 0) * TWO_32 + low;
}

/** Unsigned; exact only below 2^53. */
export function uint64ToNumber(low: number, high: number): number {
  return high * TWO_32 + low;
}

/** High half of a safe integer, as two's complement; the low half is `value >>> 0`. */
export function highHalf(value: number): number {
  return Math.floor(value / TWO_32) >>> 0;
}
