import { describe, expect, test } from "vitest";
import { transcodeTraces } from "../otlp/json.ts";
import { body, int, keyValue, message, request, span, text } from "../otlp/testing.ts";
import { validateLogs } from "../otlp/validate-logs.ts";
import { validateTraces } from "../otlp/validate.ts";
import { createLogRedactor } from "./logs.ts";
import { HARMLESS, KEY, pattern, PLANTED, requestWith, rules } from "./testing.ts";
import { createTextRedactor } from "./text.ts";
import { createTraceRedactor } from "./traces.ts";

const NO_PROJECTS = new Map<string, never>();
const redactor = (changes: Parameters<typeof rules>[0] = {}) =>
  createTraceRedactor({ rules: rules(changes), projects: NO_PROJECTS });

const holds = (bytes: Uint8Array, needle: string): boolean => Buffer.from(bytes).includes(needle);

describe("planted secrets are gone from every place", () => {
  for (const mode of ["mask", "hash", "remove"] as const) {
    const detect = Object.fromEntries(
      ["email", "phone", "card", "iban", "key", "password", "ip"].map((label) => [label, mode]),
    ) as never;
    const redact = redactor({ detect, key: KEY });
    test.each(PLANTED)(`${mode} %s`, (secret, _label, value) => {
      const original = body(requestWith(value));
      const { body: clean, redactions } = redact(original);
      expect(holds(clean, secret)).toBe(false);
      expect(holds(clean, JSON.stringify(secret).slice(1, -1))).toBe(false);
      expect(redactions).toBeGreaterThan(30);
      expect(validateTraces(clean)).toEqual(validateTraces(original));
      expect(
        Buffer.from(clean)
          .toString("latin1")
          .match(/unknown field/g),
      ).toHaveLength(8);
    });
  }
});

test("the body without secrets comes back as it is, byte for byte the same object", () => {
  const original = body(...HARMLESS.map((value) => requestWith(value)));
  const result = redactor({ key: KEY })(original);
  expect(result.redactions).toBe(0);
  expect(result.body).toBe(original);
});

test.each(["mask", "hash"] as const)("redacting twice changes nothing: %s", (mode) => {
  const detect = { ...rules().detect };
  for (const label of Object.keys(detect)) detect[label as "email"] = mode;
  const redact = redactor({ detect, key: KEY });
  for (const [, , value] of PLANTED) {
    const once = redact(body(requestWith(value))).body;
    const twice = redact(once);
    expect(twice.redactions).toBe(0);
    expect(twice.body).toBe(once);
  }
});

const attribute = (value: string): Uint8Array => request(span(keyValue(9, "note", text(1, value))));
const countOf = (count: number) => keyValue(9, "assay.content.redactions", int(3, count));

describe("one attribute", () => {
  test.each<
    [situation: string, changes: Parameters<typeof rules>[0], value: string, expected: string]
  >([
    ["mask", {}, "to bob@example.com", "to [email]"],
    ["remove", { detect: { ...rules().detect, email: "remove" } }, "to bob@example.com", "to "],
    [
      "own pattern",
      { patterns: [pattern("customer", "CUST-\\d{8}")] },
      "CUST-12345678 bob",
      "[customer] bob",
    ],
    [
      "JSON that a pattern would break",
      { patterns: [pattern("rest", "name: .{1,20}")] },
      '{"a":"name: Bob x","b":"y"}',
      '{"a":"[rest]","b":"y"}',
    ],
    [
      "JSON that a pattern needs to break",
      { patterns: [pattern("rest", 'name.{1,20}x"')] },
      '{"a":"name: Bob x"}',
      '"[unsearched]"',
    ],
    ["escaped @", {}, '{"to":"bob\\u0040example.com"}', '{"to":"[email]"}'],
    [
      "escaped slashes",
      {},
      '{"u":"https:\\/\\/bob:s3cretpw@db.example"}',
      '{"u":"https://bob:[password]@db.example"}',
    ],
    ["a number in JSON", {}, '{"card":4111111111111111}', '{"card":0}'],
  ])("%s", (_situation, changes, value, expected) => {
    const { body: clean, redactions } = redactor(changes)(attribute(value));
    const fields = [keyValue(9, "note", text(1, expected))];
    if (redactions > 0) fields.push(countOf(redactions));
    expect(Buffer.from(clean)).toEqual(Buffer.from(request(span(...fields))));
  });

  test("equal values have equal tokens, other keys other ones", () => {
    const hash = { ...rules().detect, email: "hash" } as const;
    const tokens = (value: string, key: string) =>
      /\[email:([0-9a-f]{24})\]/.exec(
        Buffer.from(redactor({ detect: hash, key })(attribute(value)).body).toString(),
      )![1];
    expect(tokens("to bob@example.com", KEY)).toBe(tokens("Bob@Example.com!", KEY));
    expect(tokens("bob@example.com", KEY)).not.toBe(tokens("eve@example.com", KEY));
    expect(tokens("bob@example.com", KEY)).not.toBe(tokens("bob@example.com", `${KEY}!`));
  });

  test("a card in a whole number, a value too deep to look into", () => {
    let deep = [...text(1, "bob@example.com")];
    for (let i = 0; i < 40; i++) deep = [...message(5, message(1, deep))];
    const original = request(
      span(
        keyValue(9, "pan", int(3, 4111111111111111n)),
        keyValue(9, "deep", deep),
        keyValue(9, "id", int(3, 1732312345678901234n)),
      ),
    );
    const { body: clean, redactions } = redactor()(original);
    expect(redactions).toBe(2);
    expect(holds(clean, "bob@example.com")).toBe(false);
    expect(holds(clean, "[card]") && holds(clean, "[deep]")).toBe(true);
    expect(holds(clean, Buffer.from(int(3, 1732312345678901234n)).toString("latin1"))).toBe(
      holds(original, Buffer.from(int(3, 1732312345678901234n)).toString("latin1")),
    );
    expect(validateTraces(clean).spanCount).toBe(1);
  });

  test("an earlier count is added to", () => {
    const original = request(
      span(countOf(3), keyValue(9, "a", text(1, "bob@example.com")), countOf(200)),
    );
    const { body: clean } = redactor()(original);
    expect(Buffer.from(clean)).toEqual(
      Buffer.from(request(span(keyValue(9, "a", text(1, "[email]")), countOf(204)))),
    );
  });

  test("text that takes too long is replaced whole", () => {
    const slow = {
      name: "slow",
      mode: "mask" as const,
      pattern: { prefix: "", search: () => false },
    };
    const { body: clean, byLabel } = redactor({ patterns: [slow] })(attribute("[1]"));
    expect(holds(clean, '"[unsearched]"')).toBe(true);
    expect(byLabel.get("unsearched")).toBeGreaterThan(0);
  });
});

describe("by key", () => {
  const original = request(
    span(
      keyValue(9, "user.id", text(1, "u-1")),
      keyValue(9, "gen_ai.request.model", text(1, "gpt-4o")),
      keyValue(9, "gen_ai.input.messages", text(1, "hello")),
      keyValue(9, "gen_ai.prompt.0.content", text(1, "hello")),
      keyValue(9, "gen_ai.prompt.name", text(1, "answer")),
      keyValue(9, "mail", text(1, "bob@example.com")),
      message(11, text(2, "gen_ai.user.message"), keyValue(3, "content", text(1, "hello"))),
      message(15, text(2, "bad prompt: hello"), int(3, 2)),
    ),
  );
  test("block and ignore", () => {
    const clean = redactor({ block: ["gen_ai.prompt.*"], ignore: ["m*l"] })(original).body;
    expect(holds(clean, "gen_ai.prompt.")).toBe(false);
    expect(holds(clean, "bob@example.com")).toBe(true);
  });
  test("allow fails closed, and lets metadata pass", () => {
    const clean = redactor({ allow: ["mail"] })(original).body;
    expect(holds(clean, "[email]") && holds(clean, "gpt-4o")).toBe(true);
    for (const gone of ["u-1", "gen_ai.prompt.0.content"]) expect(holds(clean, gone)).toBe(false);
  });
  test("hash", () => {
    const redact = redactor({ hash: ["user.id"], key: KEY });
    const clean = redact(original).body;
    expect(Buffer.from(clean).toString("latin1")).toMatch(/\[hidden:[0-9a-f]{24}\]/);
    expect(holds(clean, "u-1")).toBe(false);
    expect(redact(clean).body).toBe(clean);
  });
  test("without content only what the call was is left", () => {
    const clean = redactor({ content: "drop" })(original).body;
    expect(holds(clean, "hello")).toBe(false);
    for (const kept of ["gpt-4o", "answer", "gen_ai.user.message", "u-1"]) {
      expect(holds(clean, kept), kept).toBe(true);
    }
    expect(validateTraces(clean).spanCount).toBe(1);
  });
});

test("a project's own rules hold for its resources and spans, wherever the resource stands", () => {
  const own = createTraceRedactor({
    rules: rules(),
    projects: new Map([["shop", rules({ content: "drop" })]]),
  });
  const named = (field: number, key: string, value: string) => keyValue(field, key, text(1, value));
  const prompt = (value: string, ...more: number[][]) =>
    span(named(9, "gen_ai.prompt", value), ...more);
  const clean = own(
    body(
      message(1, message(2, prompt("one")), message(1, named(1, "service.name", "shop"))),
      message(
        1,
        message(1, named(1, "service.name", "shop"), named(1, "service.namespace", "other")),
        message(2, prompt("two"), prompt("three", named(9, "assay.project", "shop"))),
      ),
    ),
  ).body;
  expect(["one", "two", "three"].map((value) => holds(clean, value))).toEqual([false, true, false]);
});

test("logs: bodies, attributes and counts", () => {
  const record = (...fields: number[][]) => message(2, ...fields);
  const logs = (...records: number[][]) => body(message(1, message(2, ...records)));
  const original = logs(
    record(message(5, text(1, "bob@example.com")), keyValue(6, "a", text(1, "+14155552671"))),
    record(message(5, text(1, "fine")), text(12, "gen_ai.choice")),
  );
  const redact = createLogRedactor({ rules: rules(), projects: NO_PROJECTS });
  expect(Buffer.from(redact(original).body)).toEqual(
    Buffer.from(
      logs(
        record(
          message(5, text(1, "[email]")),
          keyValue(6, "a", text(1, "[phone]")),
          keyValue(6, "assay.content.redactions", int(3, 2)),
        ),
        record(message(5, text(1, "fine")), text(12, "gen_ai.choice")),
      ),
    ),
  );
});

test.each(["the field", "the attribute"])(
  "logs without content: a message keeps its metadata, an evaluation its score; named by %s",
  (where) => {
    const named = (name: string) =>
      where === "the field" ? text(12, name) : keyValue(6, "event.name", text(1, name));
    const record = (...fields: number[][]) => message(2, ...fields);
    const logs = (...records: number[][]) => body(message(1, message(2, ...records)));
    const score = [
      keyValue(6, "gen_ai.evaluation.name", text(1, "Relevance")),
      keyValue(6, "gen_ai.evaluation.score.value", int(3, 4)),
      keyValue(6, "threshold", int(3, 3)),
    ];
    const original = logs(
      record(
        message(5, text(1, "the body")),
        keyValue(6, "gen_ai.system", text(1, "openai")),
        keyValue(6, "gen_ai.provider.name", text(1, "openai")),
        keyValue(6, "content", text(1, "the prompt")),
        named("gen_ai.user.message"),
      ),
      record(
        ...score,
        keyValue(6, "gen_ai.evaluation.explanation", text(1, "as the prompt says")),
        message(5, text(1, "the body")),
        named("gen_ai.evaluation.result"),
      ),
    );
    const own = { rules: rules({ content: "drop" }), projects: NO_PROJECTS };
    const { body: clean, byLabel } = createLogRedactor(own)(original);
    for (const gone of ["the body", "the prompt"]) expect(holds(clean, gone)).toBe(false);
    for (const kept of ["openai", "gen_ai.user.message", "Relevance", "threshold"]) {
      expect(holds(clean, kept)).toBe(true);
    }
    expect(validateLogs(clean)).toMatchObject({ spanCount: 2 });
    expect(byLabel.get("removed")).toBe(5);
    const allowed = createLogRedactor({
      rules: rules({ allow: ["mine"] }),
      projects: NO_PROJECTS,
    })(original);
    expect(holds(allowed.body, "threshold")).toBe(false);
    for (const kept of ["gen_ai.user.message", "Relevance", "score.value"]) {
      expect(holds(allowed.body, kept)).toBe(true);
    }
  },
);

test("a redacted request is the request made of redacted texts, whatever is in it", () => {
  const all = rules({ patterns: [pattern("customer", "CUST-\\d{8}")] });
  const redact = createTraceRedactor({ rules: all, projects: NO_PROJECTS });
  let replaced = 0;
  const one = createTextRedactor(all, () => replaced++);
  let seed = 7;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >>> 8) % below;
  };
  const texts = [...PLANTED.map(([, , value]) => value), ...HARMLESS, "CUST-12345678", "", "plain"];
  const some = (): string => {
    const value = `${texts[random(texts.length)]}|${texts[random(texts.length)]}`;
    return random(2) === 0 ? value : JSON.stringify([{ content: value, n: 1 }]);
  };
  for (let round = 0; round < 1_000; round++) {
    const values = Array.from({ length: 8 }, some);
    const build = (clean: (value: string) => string, count: () => number): Uint8Array => {
      const [a, b, c, d, e, f, g, h] = values.map(clean) as [string, ...string[]];
      const fields = [
        text(5, a),
        keyValue(9, "k", text(1, b!)),
        text(60, "unknown"),
        keyValue(9, "m", message(5, message(1, text(1, c!)), message(1, text(61, "unknown")))),
        keyValue(9, "o", message(6, keyValue(1, "inner", text(1, d!)))),
        message(11, text(2, e!), keyValue(3, "x", text(7, Buffer.from(f!)))),
        message(13, keyValue(4, "y", text(1, g!)), int(62, 5)),
        message(15, text(2, h!), int(3, 2)),
      ];
      return request(span(...fields, ...(count() > 0 ? [countOf(count())] : [])));
    };
    replaced = 0;
    const original = build(
      (value) => value,
      () => 0,
    );
    const expected = build(
      (value) => one.text(value),
      () => replaced,
    );
    const clean = redact(original).body;
    expect(Buffer.from(clean).equals(expected), JSON.stringify(values)).toBe(true);
    expect(redact(clean).body).toBe(clean);
  }
});

test("JSON bodies, once transcoded, are as good as protobuf", () => {
  const json = {
    resourceSpans: [
      {
        scopeSpans: [
          {
            spans: [
              {
                traceId: "5b8efff798038103d269b633813fc60c",
                spanId: "eee19b7ec3c1b174",
                name: "mail bob@example.com",
                attributes: [{ key: "a", value: { stringValue: "4111111111111111" } }],
              },
            ],
          },
        ],
      },
    ],
  };
  const { body: clean, redactions } = redactor()(
    transcodeTraces(Buffer.from(JSON.stringify(json))).body,
  );
  expect(redactions).toBe(2);
  expect(holds(clean, "bob@") || holds(clean, "4111")).toBe(false);
});
