import { describe, expect, test } from "vitest";
import { threadCpuMs } from "../../test/thread-cpu.ts";
import { compilePattern, PatternError } from "./own-pattern.ts";

const compile = (source: string, ignoreCase = false) => compilePattern(source, { ignoreCase });

function matches(source: string, text: string, ignoreCase = false): string[] {
  const found: string[] = [];
  compile(source, ignoreCase).search(
    text,
    (start, end) => found.push(text.slice(start, end)),
    () => false,
  );
  return found;
}

describe("is taken", () => {
  test.each([
    String.raw`CUST-\d{8}`,
    String.raw`\b[A-Z]{2}\d{6}[A-Z]?\b`,
    String.raw`[A-Z]{2,4}-?\d{4,8}`,
    String.raw`(?:\d{1,3}\.){3}\d{1,3}`,
    String.raw`(?:ACME|EMCA)[-_ ]\d{4,12}`,
    String.raw`[a-z]{1,64}@[a-z]{1,64}\.com`,
    String.raw`\p{Lu}\p{Ll}{2,20}str\. \d{1,4}`,
    String.raw`patient[:=]\s?\w{1,40}`,
    String.raw`[^\]\[]{2}\x41\u{42}\u0043\/\-`.replace(String.raw`\-`, "-"),
    String.raw`\d{3}-\d{2}-\d{4}`,
  ])("%s", (source) => {
    expect(() => compile(source)).not.toThrow();
  });
});

describe("is refused", () => {
  test.each([
    [String.raw`\d+`, /upper bound.*"\+" at character 3/],
    [String.raw`a.*b`, /upper bound/],
    [String.raw`a{2,}`, /upper bound/],
    [String.raw`(a{1,9}){1,9}b`, /steps at one place/],
    [String.raw`[a-z]{1,64}[a-z]{1,64}`, /steps at one place/],
    [String.raw`(?:a|ab|abc|b|c){1,20}d`, /steps at one place/],
    [String.raw`\w{1,99}\w{1,99}x`, /steps at one place/],
    [String.raw`x{2000}`, /1024 repetitions/],
    [String.raw`(?:x{600}){2}`, /1024 characters, got 1200/],
    [String.raw`a{0,3}`, /cannot match nothing/],
    [String.raw`a(?=b)`, /looking ahead/],
    [String.raw`(?<!a)b`, /looking ahead or behind/],
    [String.raw`(a)\1`, /reference/],
    [String.raw`^a`, /edge of a word/],
    [String.raw`(a`, /Invalid regular expression/],
  ])("%s", (source, message) => {
    expect(() => compile(source)).toThrow(PatternError);
    expect(() => compile(source)).toThrow(message);
  });
});

test("finds across the edges of windows, and words at them", () => {
  for (let offset = 4_070; offset < 4_110; offset++) {
    const text = `${"x".repeat(offset)} CUST-12345678 ${"y".repeat(9_000)}CUST-1234567 CUST-87654321`;
    expect(matches(String.raw`\bCUST-\d{8}\b`, text)).toEqual(["CUST-12345678", "CUST-87654321"]);
    expect(matches(String.raw`\d{3}`, "1".repeat(offset * 3))).toHaveLength(offset);
  }
});

test("letters of either case, where asked", () => {
  expect(matches("cust-[a-z]{2}", "CUST-AB cust-cd", true)).toEqual(["CUST-AB", "cust-cd"]);
  expect(matches("cust-[a-z]{2}", "CUST-AB cust-cd")).toEqual(["cust-cd"]);
});

test("knows the text that every match begins with", () => {
  expect(compile(String.raw`\bCUST-\d{8}`).prefix).toBe("CUST-");
  expect(compile(String.raw`(?:A|B)C`).prefix).toBe("");
  expect(compile("CUST", true).prefix).toBe("");
});

test("stops when it is late", () => {
  let asked = 0;
  const done = compile("ab").search(
    "x".repeat(50_000),
    () => undefined,
    () => ++asked === 3,
  );
  expect(done).toBe(false);
  expect(asked).toBe(3);
});

test("the worst text for what is taken is not slow", () => {
  const cases: [string, string][] = [
    [String.raw`[a-z]{1,64}@[a-z]{1,64}\.com`, "a"],
    [String.raw`[A-Z]{2,4}-?\d{4,8}x`, "AB1234"],
    [String.raw`(?:\d{1,3}\.){3}\d{1,3}x`, "1."],
    [String.raw`(?:a|ab|abc){1,5}d`, "ab"],
  ];
  for (const [source, unit] of cases) {
    const cpuMs = threadCpuMs(() => {
      matches(source, unit.repeat(500_000 / unit.length));
    });
    expect(cpuMs, source).toBeLessThan(2_000);
  }
});
