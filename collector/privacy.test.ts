import { describe, expect, test } from "vitest";
import { ConfigFileError } from "./config-file.ts";
import { parsePrivacy, readPrivacy } from "./privacy.ts";

const KEY = "0123456789abcdef0123456789abcdef";
const read = (text: string, key?: string) => parsePrivacy(text, key, "privacy.yaml");

function problemOf(text: string, key?: string): string {
  try {
    read(text, key);
  } catch (error) {
    if (error instanceof ConfigFileError) return error.message;
    throw error;
  }
  throw new Error("was taken");
}

test("no file: nothing is redacted and nothing left out", () => {
  expect(readPrivacy(undefined, undefined)).toEqual({ redact: undefined, sample: undefined });
  expect(read("")).toEqual({ redact: undefined, sample: undefined });
});

test("`redact: {}` is all detectors but IP addresses, masked", () => {
  const { detect, content, key } = read("redact: {}").redact!.rules;
  expect(Object.values(detect).filter((mode) => mode === "mask")).toHaveLength(6);
  expect(detect.ip).toBe("off");
  expect(content).toBe("keep");
  expect(key).toBeUndefined();
});

test("a project adds to what holds for all", () => {
  const { rules, projects } = read(
    `
redact:
  detect: { email: hash, ip: mask }
  patterns:
    - { name: customer, pattern: 'CUST-\\d{8}' }
  attributes: { block: [secret.*] }
projects:
  shop:
    detect: { ip: off }
    content: drop
    patterns:
      - { name: customer, pattern: 'KD-\\d{4}', mode: remove }
      - { name: order, pattern: 'O-\\d{4}' }
`,
    KEY,
  ).redact!;
  const shop = projects.get("shop")!;
  expect([rules.detect.ip, shop.detect.ip, shop.detect.email]).toEqual(["mask", "off", "hash"]);
  expect([rules.content, shop.content]).toEqual(["keep", "drop"]);
  expect(shop.patterns.map(({ name, mode }) => [name, mode])).toEqual([
    ["customer", "remove"],
    ["order", "mask"],
  ]);
  expect(shop.block).toEqual(["secret.*"]);
  expect(shop.key).toBe(KEY);
});

test("only projects: the others are left as they are", () => {
  const { rules, projects } = read("projects: { shop: {} }").redact!;
  expect(new Set(Object.values(rules.detect))).toEqual(new Set(["off"]));
  expect(projects.get("shop")!.detect.email).toBe("mask");
});

test("sampling", () => {
  expect(read("sample: { keep: 0.1, slow_ms: 5000 }").sample).toEqual({
    keep: 0.1,
    errors: true,
    slowMs: 5000,
  });
  expect(read("sample: { keep: 1 }").sample).toBeUndefined();
});

describe("every problem is named", () => {
  test.each<[text: string, expected: RegExp, key?: string]>([
    ["redact: { detect: { emial: mask } }", /redact\.detect.*emial/],
    ["redact: { detect: { email: blur } }", /redact\.detect\.email/],
    [
      "redact: { patterns: [{ name: a, pattern: 'x+' }] }",
      /redact\.patterns\.a: expected an upper bound/,
    ],
    [
      "redact: { patterns: [{ name: email, pattern: 'x' }] }",
      /name that is not taken, got "email"/,
    ],
    [
      "redact: { attributes: { hash: [user.id] } }",
      /redact: mode "hash" needs ASSAY_REDACT_KEY.*got none/,
    ],
    ["sample: { keep: 2 }", /sample\.keep/],
    ["sample: { keep: 0.5, keeep: 1 }", /keeep/],
    ["a: [", /problem.* in privacy\.yaml/],
    ["redaction: {}", /redaction/],
  ])("%s", (text, expected) => {
    expect(problemOf(text)).toMatch(expected);
  });

  test("all of them at once, and the key never", () => {
    const text =
      "redact: { detect: { email: hash }, patterns: [{ name: a, pattern: 'x+' }, { name: b, pattern: '^y' }] }";
    const message = problemOf(text, "too-short-a-secret");
    expect(message).toMatch(/3 problems/);
    expect(message).toMatch(/got 18/);
    expect(message).not.toContain("too-short-a-secret");
  });
});

test("a file that is not there", () => {
  expect(() => readPrivacy("/nowhere/privacy.yaml", undefined)).toThrow(
    /ASSAY_PRIVACY: cannot read/,
  );
});
