import { describe, expect, test } from "vitest";
import { canonicalJson, usingCanonicalJson } from "./canonical-json.ts";

/** A double by its bits, as RFC 8785 Appendix B gives them. */
function double(hex: string): number {
  return new DataView(Uint8Array.from(Buffer.from(hex, "hex")).buffer).getFloat64(0);
}

describe("RFC 8785", () => {
  test.each([
    ["0000000000000000", "0"],
    ["8000000000000000", "0"],
    ["0000000000000001", "5e-324"],
    ["8000000000000001", "-5e-324"],
    ["7fefffffffffffff", "1.7976931348623157e+308"],
    ["ffefffffffffffff", "-1.7976931348623157e+308"],
    ["4340000000000000", "9007199254740992"],
    ["c340000000000000", "-9007199254740992"],
    ["4430000000000000", "295147905179352830000"],
    ["44b52d02c7e14af5", "9.999999999999997e+22"],
    ["44b52d02c7e14af6", "1e+23"],
    ["44b52d02c7e14af7", "1.0000000000000001e+23"],
    ["444b1ae4d6e2ef4e", "999999999999999700000"],
    ["444b1ae4d6e2ef4f", "999999999999999900000"],
    ["444b1ae4d6e2ef50", "1e+21"],
    ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
    ["3eb0c6f7a0b5ed8d", "0.000001"],
    ["41b3de4355555553", "333333333.3333332"],
    ["41b3de4355555554", "333333333.33333325"],
    ["41b3de4355555555", "333333333.3333333"],
    ["41b3de4355555556", "333333333.3333334"],
    ["41b3de4355555557", "333333333.33333343"],
    ["becbf647612f3696", "-0.0000033333333333333333"],
    ["43143ff3c1cb0959", "1424953923781206.2"],
  ])("number %s", (hex, expected) => {
    expect(canonicalJson(double(hex))).toBe(expected);
  });

  test("section 3.2.2: literals, numbers, strings", () => {
    const input = String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
      "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`;
    expect(canonicalJson(JSON.parse(input))).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  test("section 3.2.3: keys by UTF-16 code units", () => {
    const input = String.raw`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh",
      "1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`;
    const text = canonicalJson(JSON.parse(input));
    const order = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"];
    expect(order.map((word) => text.indexOf(word))).toEqual(
      order.map((word) => text.indexOf(word)).sort((a, b) => a - b),
    );
  });

  test("nested keys, weird keys", () => {
    expect(
      canonicalJson({ b: { z: [], a: {} }, "": 1, a: [56, { d: true, "10": null, "1": [] }] }),
    ).toBe('{"":1,"a":[56,{"1":[],"10":null,"d":true}],"b":{"a":{},"z":[]}}');
  });
});

describe("values that JSON has no word for", () => {
  const cycle: Record<string, unknown> = { a: 1 };
  cycle["self"] = cycle;
  const bareDate = new Date(0);
  Object.defineProperty(bareDate, "toJSON", { value: undefined });
  const shared = { x: 1 };

  test.each<[string, unknown, string]>([
    ["undefined", undefined, "null"],
    ["undefined member", { a: undefined, b: 1 }, '{"b":1}'],
    ["undefined element", [undefined, () => 1, Symbol("s")], "[null,null,null]"],
    ["holes", Array(2), "[null,null]"],
    ["not finite", [NaN, Infinity, -Infinity], "[null,null,null]"],
    ["bigint", { n: 10n ** 20n }, '{"n":100000000000000000000}'],
    ["lone surrogate", "\ud800x", String.raw`"\ud800x"`],
    ["cycle", cycle, '{"a":1,"self":"[cycle]"}'],
    ["the same object twice is no cycle", [shared, shared], '[{"x":1},{"x":1}]'],
    ["date", new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ["date without toJSON", bareDate, '"1970-01-01T00:00:00.000Z"'],
    ["invalid date", new Date(NaN), "null"],
    ["toJSON", { toJSON: () => ({ b: 1, a: 2 }) }, '{"a":2,"b":1}'],
    ["bytes", new Uint8Array([1, 2, 255]), '"AQL/"'],
    ["url", new URL("https://example.com/a"), '"https://example.com/a"'],
    [
      "throwing getter",
      {
        get a() {
          throw new Error("no");
        },
      },
      '"[unreadable]"',
    ],
  ])("%s", (_situation, value, expected) => {
    expect(canonicalJson(value)).toBe(expected);
  });

  test("100,000 levels deep", () => {
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(canonicalJson(deep)).toContain('"[deep]"');
  });
});

describe("one writer, many values", () => {
  const long = 'A line with "quotes".\n'.repeat(100);

  test("a long text that comes again is the same again", () => {
    usingCanonicalJson((json) => {
      const sha256 = json.hash({ text: long, wide: `€${long}` }, Infinity);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(json.write([long, `€${long}`, long])).toBe(JSON.stringify([long, `€${long}`, long]));
      const first = json.bytes({ a: long });
      const second = json.bytes({ b: `€${long}` });
      expect(Buffer.from(first.utf8).toString()).toBe(JSON.stringify({ a: long }));
      expect(Buffer.from(second.utf8).toString()).toBe(JSON.stringify({ b: `€${long}` }));
      expect(second.length).toBe(second.utf8.length);
    });
  });

  test("bytes hold while the buffer grows", () => {
    usingCanonicalJson((json) => {
      const first = json.bytes("first");
      for (let i = 0; i < 20; i++) json.write(`${i}${"x".repeat(100_000)}`);
      expect(Buffer.from(first.utf8).toString()).toBe('"first"');
    });
  });

  test("a text of a part that could not be read is not taken for written", () => {
    const broken = {
      a: long,
      get b(): never {
        throw new Error("no");
      },
    };
    expect(canonicalJson([broken, "something else", long])).toBe(
      JSON.stringify(["[unreadable]", "something else", long]),
    );
  });

  test("a getter that writes JSON of its own does not mix with what is being written", () => {
    const value = {
      a: "outer",
      get b(): string {
        return canonicalJson({ inner: long });
      },
      c: "outer again",
    };
    expect(canonicalJson(value)).toBe(
      JSON.stringify({ a: "outer", b: JSON.stringify({ inner: long }), c: "outer again" }),
    );
  });
});
