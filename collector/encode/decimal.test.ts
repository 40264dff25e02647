import { describe, expect, test } from "vitest";
import { picoUsdOfBytes, picoUsdOfNumber, picoUsdOfText } from "./decimal.ts";

describe("text", () => {
  const cases: Record<string, bigint | undefined> = {
    "0": 0n,
    "1": 10n ** 12n,
    "0.000210000000": 210_000_000n,
    "0.0000000000005": 1n,
    "0.00000000000049": 0n,
    "999.999999999999": 999_999_999_999_999n,
    "1000.000000000001": 1_000_000_000_000_001n,
    "12345678901234.123456789012": 12_345_678_901_234_123_456_789_012n,
    "00000000000000000001.5": 1_500_000_000_000n,
    "1e-6": 1_000_000n,
    "2.5E-3": 2_500_000_000n,
    "+1.": 10n ** 12n,
    " 1 ": 10n ** 12n,
    "": undefined,
    ".5": undefined,
    "-1": undefined,
    "1.2.3": undefined,
    "1,5": undefined,
    NaN: undefined,
    "999999999999999999999999999": undefined,
    "1e99": undefined,
  };
  test.each(Object.entries(cases))("'%s'", (text, expected) => {
    expect(picoUsdOfText(text)).toBe(expected);
    const bytes = Buffer.from(`#${text}#`);
    expect(picoUsdOfBytes(bytes, 1, bytes.length - 1)).toBe(expected);
  });
});

test("numbers are rounded to the nearest pico-USD", () => {
  expect(picoUsdOfNumber(0.1)).toBe(100_000_000_000n);
  expect(picoUsdOfNumber(0.1 + 0.2)).toBe(300_000_000_000n);
  expect(picoUsdOfNumber(1e-13)).toBe(0n);
  expect(picoUsdOfNumber(123_456_789)).toBe(123_456_789n * 10n ** 12n);
  for (const none of [-1, Number.NaN, Infinity, 1e30])
    expect(picoUsdOfNumber(none)).toBeUndefined();
});
