/**
 * Decimal text to a 64-bit integer with every digit kept, as two 32-bit halves: a double would lose the last digits of
 * a timestamp in nanoseconds, and a BigInt per number is garbage in the hottest loop.
 */

/** Magnitude and sign of the number read last; one object reused for all. */
export interface Integer64 {
  /** Upper 32 bits of the magnitude, unsigned. */
  hi: number;
  /** Lower 32 bits of the magnitude, unsigned. */
  lo: number;
  negative: boolean;
}

const TWO_32 = 4294967296;
const ZERO = 0x30;
const MINUS = 0x2d;

/**
 * Reads `-?[0-9]+`, or a number with fraction or exponent whose value is whole (`1.0`, `15e2`).
 * @returns false when it is none, or its magnitude does not fit 64 bits
 */
export function readInteger(
  bytes: Uint8Array,
  start: number,
  end: number,
  into: Integer64,
): boolean {
  into.negative = bytes[start] === MINUS;
  const first = into.negative ? start + 1 : start;
  if (first >= end) return false;
  let hi = 0;
  let lo = 0;
  for (let i = first; i < end; i++) {
    const digit = bytes[i]! - ZERO;
    if (digit < 0 || digit > 9) return readWholeDecimal(bytes, start, end, into);
    lo = lo * 10 + digit;
    const carry = Math.floor(lo / TWO_32);
    lo -= carry * TWO_32;
    hi = hi * 10 + carry;
    if (hi >= TWO_32) return false;
  }
  into.hi = hi;
  into.lo = lo;
  return true;
}

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/;

function readWholeDecimal(bytes: Uint8Array, start: number, end: number, into: Integer64): boolean {
  if (end - start > 64) return false;
  const parts = DECIMAL.exec(Buffer.from(bytes.subarray(start, end)).toString("latin1"));
  if (parts === null) return false;
  const fraction = parts[3] ?? "";
  const digits = parts[2]! + fraction;
  const scale = Number(parts[4] ?? 0) - fraction.length;
  const cut = Math.max(0, digits.length + Math.min(0, scale));
  if (/[1-9]/.test(digits.slice(cut))) return false;
  const whole = digits.slice(0, cut).replace(/^0+/, "");
  if (whole !== "" && whole.length + Math.max(0, scale) > 20) return false;
  const text = whole === "" ? "0" : whole + "0".repeat(Math.max(0, scale));
  const fits = readInteger(Buffer.from(text), 0, text.length, into);
  into.negative = parts[1] === "-";
  return fits;
}
