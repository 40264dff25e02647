import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { PermanentError } from "../stages.ts";
import { fieldNamed, TRACE_REQUEST, type Message } from "./json-fields.ts";
import { transcodeTraces } from "./json.ts";

/** Protobuf read back by the field table, into a form that compares. */
interface Decoded {
  [name: string]: (string | Decoded)[];
}

function decode(message: Message, bytes: Buffer): Decoded {
  const out: Decoded = {};
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const field = [...message.byName.values()].find((candidate) => candidate.tag === tag)!;
    expect(field, `tag ${tag} of ${message.name}`).toBeDefined();
    let value: string | Decoded;
    const wireType = tag & 7;
    if (wireType === 0) value = BigInt.asIntN(64, varint()).toString();
    else if (wireType === 1) {
      value =
        field.kind === "double"
          ? String(bytes.readDoubleLE(at))
          : bytes.readBigUInt64LE(at).toString();
      at += 8;
    } else if (wireType === 5) {
      value = String(bytes.readUInt32LE(at));
      at += 4;
    } else {
      const length = Number(varint());
      const content = bytes.subarray(at, at + length);
      expect(content.length).toBe(length);
      at += length;
      if (field.kind === "message") value = decode(field.message!, content);
      else value = field.kind === "string" ? content.toString("utf8") : content.toString("hex");
    }
    (out[field.name] ??= []).push(value);
  }
  return out;
}

function transcode(json: string) {
  return transcodeTraces(Buffer.from(json));
}

function decoded(json: string): Decoded {
  return decode(TRACE_REQUEST, transcode(json).body as Buffer);
}

function spanJson(members: string): string {
  return `{"resourceSpans":[{"scopeSpans":[{"spans":[{${members}}]}]}]}`;
}

function span(members: string): Decoded {
  const request = decoded(spanJson(members));
  const scopeSpans = (request["resourceSpans"]![0] as Decoded)["scopeSpans"]![0] as Decoded;
  return scopeSpans["spans"]![0] as Decoded;
}

function attributeValue(json: string): Decoded {
  const attribute = span(`"attributes":[{"key":"k","value":${json}}]`)["attributes"]![0] as Decoded;
  return attribute["value"]![0] as Decoded;
}

const nested = (levels: number, inner: string): string =>
  `{"arrayValue":{"values":[`.repeat(levels) + inner + `]}}`.repeat(levels);

test.each<[name: string, members: string, expected: Decoded]>([
  [
    "ids in hexadecimal of any case",
    `"traceId":"5B8EFFf798038103D269B633813fc60c"`,
    { traceId: ["5b8efff798038103d269b633813fc60c"] },
  ],
  ["empty parent", `"parentSpanId":""`, { parentSpanId: [""] }],
  [
    "time as text",
    `"startTimeUnixNano":"1544712660000000001"`,
    { startTimeUnixNano: ["1544712660000000001"] },
  ],
  [
    "time as bare number keeps its digits",
    `"startTimeUnixNano":1544712660000000001`,
    { startTimeUnixNano: ["1544712660000000001"] },
  ],
  [
    "largest time",
    `"endTimeUnixNano":18446744073709551615`,
    { endTimeUnixNano: ["18446744073709551615"] },
  ],
  [
    "whole number with exponent",
    `"startTimeUnixNano":1.5447126600e18`,
    { startTimeUnixNano: ["1544712660000000000"] },
  ],
  ["whole number with fraction", `"droppedLinksCount":12.0`, { droppedLinksCount: ["12"] }],
  ["largest count", `"droppedEventsCount":4294967295`, { droppedEventsCount: ["4294967295"] }],
  ["all 32 bits of flags", `"flags":4294967295`, { flags: ["4294967295"] }],
  ["kind by number", `"kind":3`, { kind: ["3"] }],
  ["kind outside the range", `"kind":99`, { kind: ["99"] }],
  ["kind by name", `"kind":"SPAN_KIND_CLIENT"`, { kind: ["3"] }],
  [
    "status by name",
    `"status":{"code":"STATUS_CODE_ERROR","message":"no"}`,
    { status: [{ code: ["2"], message: ["no"] }] },
  ],
  ["null is not set", `"name":null,"attributes":null,"status":null`, {}],
  ["snake case is unknown", `"trace_id":"5b8efff798038103d269b633813fc60c","Name":"x"`, {}],
  [
    "unknown keys of any shape",
    `"x":[{"a":[1,-2.5e-3,true,false,null,"\\u0022"]},[]],"y":{},"name":"n"`,
    { name: ["n"] },
  ],
  [
    "escapes",
    `"name":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20ac\\ud83d\\ude00"`,
    { name: ['"\\/\b\f\n\r\té€😀'] },
  ],
  ["lone surrogates", `"name":"a\\ud800b\\udc00\\ud83dc"`, { name: ["a\ufffdb\ufffd\ufffdc"] }],
  ["raw UTF-8", `"name":"é€😀"`, { name: ["é€😀"] }],
  ["escaped key", `"n\\u0061me":"x"`, { name: ["x"] }],
  ["white space", ` \n"name"\t:\r "x" `, { name: ["x"] }],
  ["long text", `"name":"${"x\\n".repeat(70_000)}"`, { name: ["x\n".repeat(70_000)] }],
  [
    "keys that belong to Object",
    `"__proto__":{"polluted":1},"constructor":{},"attributes":[{"key":"__proto__"},{"key":"constructor"},{"key":""}]`,
    { attributes: [{ key: ["__proto__"] }, { key: ["constructor"] }, { key: [""] }] },
  ],
])("span: %s", (_, members, expected) => {
  expect(span(members)).toEqual(expected);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

test.each<[name: string, json: string, expected: Decoded]>([
  ["unset", `{}`, {}],
  ["text", `{"stringValue":""}`, { stringValue: [""] }],
  ["false", `{"boolValue":false}`, { boolValue: ["0"] }],
  ["least integer", `{"intValue":"-9223372036854775808"}`, { intValue: ["-9223372036854775808"] }],
  [
    "least integer, bare",
    `{"intValue":-9223372036854775808}`,
    { intValue: ["-9223372036854775808"] },
  ],
  ["greatest integer", `{"intValue":9223372036854775807}`, { intValue: ["9223372036854775807"] }],
  ["minus one", `{"intValue":-1}`, { intValue: ["-1"] }],
  ["minus 2^32", `{"intValue":"-4294967296"}`, { intValue: ["-4294967296"] }],
  ["minus zero", `{"intValue":-0}`, { intValue: ["0"] }],
  ["double", `{"doubleValue":0.1}`, { doubleValue: ["0.1"] }],
  ["double as text", `{"doubleValue":"-1e-7"}`, { doubleValue: ["-1e-7"] }],
  ["subnormal", `{"doubleValue":5e-324}`, { doubleValue: ["5e-324"] }],
  ["not a number", `{"doubleValue":"NaN"}`, { doubleValue: ["NaN"] }],
  ["infinite", `{"doubleValue":"-Infinity"}`, { doubleValue: ["-Infinity"] }],
  ["base64", `{"bytesValue":"+/8="}`, { bytesValue: ["fbff"] }],
  ["base64 for URLs, not padded", `{"bytesValue":"-_8"}`, { bytesValue: ["fbff"] }],
  ["base64 with escaped slash", `{"bytesValue":"+\\/8="}`, { bytesValue: ["fbff"] }],
  [
    "mixed list",
    `{"arrayValue":{"values":[{"intValue":1},{"stringValue":"x"},{}]}}`,
    { arrayValue: [{ values: [{ intValue: ["1"] }, { stringValue: ["x"] }, {}] }] },
  ],
  [
    "map",
    `{"kvlistValue":{"values":[{"key":"a","value":{"boolValue":true}}]}}`,
    { kvlistValue: [{ values: [{ key: ["a"], value: [{ boolValue: ["1"] }] }] }] },
  ],
])("value: %s", (_, json, expected) => {
  expect(attributeValue(json)).toEqual(expected);
});

test("minus zero and lone bits of a double survive", () => {
  const body = Buffer.from(
    transcode(spanJson(`"attributes":[{"value":{"doubleValue":-0.0}}]`)).body,
  );
  expect(body.subarray(-8).toString("hex")).toBe("0000000000000080");
});

test.each<[name: string, json: string, message: string]>([
  ["nothing", "", "invalid JSON at byte 0: expected a value, got the end of the body"],
  ["an array", "[]", "invalid OTLP/JSON: expected an object, got an array"],
  [
    "cut off",
    `{"resourceSpans":[{`,
    'invalid JSON at byte 19 in resourceSpans[0]: expected """, got the end of the body',
  ],
  ["something behind", "{} x", 'invalid JSON at byte 3: expected the end of the body, got "x"'],
  ["trailing comma", `{"a":1,}`, 'invalid JSON at byte 7: expected """, got "}"'],
  ["leading zero", `{"a":01}`, 'invalid JSON at byte 6: expected "," or "}", got "1"'],
  ["control character", `{"a":"\u0001"}`, "expected an escape for the control character"],
  ["bad escape", `{"a":"\\x"}`, "expected an escape of JSON"],
  ["bad surrogate escape", `{"a":"\\u12G4"}`, "expected an escape of JSON"],
  ["bad literal", `{"a":nul}`, "expected a value"],
  ["mismatched brackets", `{"a":[1}}`, 'expected "," or "]", got "}"'],
  ["list as object", `{"resourceSpans":{}}`, "in resourceSpans: expected an array, got an object"],
  [
    "null in a list",
    `{"resourceSpans":[null]}`,
    "in resourceSpans[0]: expected an object, got null",
  ],
  [
    "name as number",
    spanJson(`"name":7`),
    "in resourceSpans[0].scopeSpans[0].spans[0].name: expected a string, got 7",
  ],
  ["kind as fraction", spanJson(`"kind":1.5`), 'spans[0].kind: expected an integer, got "1.5"'],
  [
    "time as words",
    spanJson(`"startTimeUnixNano":"now"`),
    'startTimeUnixNano: expected an unsigned 64-bit integer, got "now"',
  ],
  [
    "time below zero",
    spanJson(`"startTimeUnixNano":-1`),
    'expected an unsigned 64-bit integer, got "-1"',
  ],
  [
    "time too large",
    spanJson(`"startTimeUnixNano":"18446744073709551616"`),
    "expected an unsigned 64-bit integer",
  ],
  [
    "count too large",
    spanJson(`"droppedLinksCount":4294967296`),
    "expected an unsigned 32-bit integer",
  ],
  [
    "integer too large",
    spanJson(`"attributes":[{"value":{"intValue":9223372036854775808}}]`),
    "attributes[0].value.intValue: expected a 64-bit integer",
  ],
  [
    "bool as text",
    spanJson(`"attributes":[{"value":{"boolValue":"true"}}]`),
    'expected true or false, got "true"',
  ],
  [
    "bad base64",
    spanJson(`"attributes":[{"value":{"bytesValue":"#"}}]`),
    'expected base64, got "#"',
  ],
  [
    "double as words",
    spanJson(`"attributes":[{"value":{"doubleValue":"much"}}]`),
    'expected a number, got "much"',
  ],
])("refuses the request: %s", (_, json, message) => {
  expect(() => transcode(json)).toThrow(PermanentError);
  expect(() => transcode(json)).toThrow(message);
});

test.each([
  ["base64 of 16 bytes", "W47/95gDgQPSabYzgT/GDA=="],
  ["16 characters that are not hexadecimal", "zzzzzzzzzzzzzzzz"],
  ["odd number of digits", "5b8efff798038103d269b633813fc60"],
  ["very long", "z".repeat(10_000)],
])("an id that is not hexadecimal gets a length that no id has: %s", (_, id) => {
  const result = transcode(spanJson(`"traceId":"${id}"`));
  const request = decode(TRACE_REQUEST, result.body as Buffer);
  const scopeSpans = (request["resourceSpans"]![0] as Decoded)["scopeSpans"]![0] as Decoded;
  const written = (scopeSpans["spans"]![0] as Decoded)["traceId"]![0] as string;
  expect((written.length / 2) % 2).toBe(1);
  expect(written.length).toBeLessThanOrEqual(2 * 65);
  expect([...result.warnings]).toEqual([["traceId is not hexadecimal", 1]]);
});

test("an unknown enum name refuses its span only", () => {
  const spans = [
    `{"kind":1}`,
    `{"kind":"SPAN_KIND_LAMP","status":{"code":"BAD"}}`,
    `{"kind":"SPAN_KIND_SERVER"}`,
  ];
  const result = transcode(
    `{"resourceSpans":[{"scopeSpans":[{"spans":[${spans.join()}]}]},{"scopeSpans":[{"spans":[{"kind":"?"}]}]}]}`,
  );
  expect(result.rejected).toEqual([1, 3]);
  expect([...result.reasons]).toEqual([
    ['unknown kind "SPAN_KIND_LAMP"', 1],
    ['unknown kind "?"', 1],
  ]);
  expect([...result.warnings]).toEqual([["kind given by name instead of number", 1]]);
});

test("a value nested far deeper than the encoder keeps is cut, not followed", () => {
  expect(attributeValue(nested(40, `{"intValue":5}`))).toBeDefined();
  const deep = transcode(spanJson(`"attributes":[{"key":"k","value":${nested(100_000, `{}`)}}]`));
  expect(deep.body.length).toBeLessThan(2_000);
  expect(decode(TRACE_REQUEST, deep.body as Buffer)).toBeDefined();
  expect(() => transcode(`{"x":${"[".repeat(1_000_000)}`)).toThrow(PermanentError);
});

test("every prefix of a request is refused, not misread", () => {
  const json = spanJson(
    `"name":"\\u00e9","kind":3,"attributes":[{"key":"k","value":{"doubleValue":-1.5e3}}]`,
  );
  for (let end = 0; end < json.length; end++) {
    expect(() => transcode(json.slice(0, end)), json.slice(0, end)).toThrow(PermanentError);
  }
});

test("numbers in every 64-bit magnitude", () => {
  for (let bits = 0n; bits < 64n; bits++) {
    for (const value of [(1n << bits) - 1n, 1n << bits, (1n << bits) + 1n]) {
      expect(span(`"startTimeUnixNano":${value}`)["startTimeUnixNano"]).toEqual([String(value)]);
      if (value >= 1n << 63n) continue;
      expect(attributeValue(`{"intValue":${-value}}`)["intValue"]).toEqual([String(-value)]);
      expect(attributeValue(`{"intValue":"${value}"}`)["intValue"]).toEqual([String(value)]);
    }
  }
});

const example = new URL("../../../shared/data/otlp-examples/trace.json", import.meta.url);
test.skipIf(!existsSync(example))("the example of the OTLP project", () => {
  const { resourceSpans } = decoded(readFileSync(example, "utf8"));
  expect(resourceSpans).toMatchObject([
    {
      scopeSpans: [
        { spans: [{ spanId: ["eee19b7ec3c1b174"], startTimeUnixNano: ["1544712660000000000"] }] },
      ],
    },
  ]);
});

test("a field is found by its name only", () => {
  const name = Buffer.from("resourceSpans");
  expect(fieldNamed(TRACE_REQUEST, name, 0, name.length)?.name).toBe("resourceSpans");
  expect(fieldNamed(TRACE_REQUEST, name, 0, name.length - 1)).toBeUndefined();
  expect(fieldNamed(TRACE_REQUEST, Buffer.from("resourceSpanz"), 0, 13)).toBeUndefined();
});

/** Deterministic random numbers, so that a failure can be run again. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * below);
  };
}

test("says the same as the serialisers of OpenTelemetry's SDK", async () => {
  const { ProtobufTraceSerializer, JsonTraceSerializer } =
    await import("@opentelemetry/otlp-transformer");
  const { resourceFromAttributes } = createRequire(import.meta.url)(
    "@opentelemetry/resources",
  ) as typeof import("@opentelemetry/resources");
  const random = randomNumbers(7);
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => (1 + random(15)).toString(16)).join("");
  const text = (): string =>
    Array.from(
      { length: random(60) },
      () => ['"', "\\", "é", "😀", "\n", "a", "\u0000"][random(7)],
    ).join("");
  const attribute = (): string | number | boolean | string[] =>
    [
      text(),
      random(2 ** 31),
      -random(2 ** 31),
      Math.fround(random(1000) / 7),
      true,
      [text(), text()],
    ][random(6)]!;
  const attributes = () =>
    Object.fromEntries(Array.from({ length: random(6) }, () => [`k${random(50)}`, attribute()]));
  const context = () => ({ traceId: hex(32), spanId: hex(16), traceFlags: random(2) });
  const time = (): [number, number] => [1_700_000_000 + random(1_000_000), random(1_000_000_000)];
  const scope = { name: "scope", version: "1" };
  const resource = resourceFromAttributes({ "service.name": "shop" });
  const spans = Array.from({ length: 200 }, () => ({
    name: text(),
    kind: random(5),
    spanContext: context,
    parentSpanContext: random(2) === 0 ? undefined : context(),
    startTime: time(),
    endTime: time(),
    duration: time(),
    status: { code: random(3), message: text() },
    attributes: attributes(),
    links: Array.from({ length: random(3) }, () => ({
      context: context(),
      attributes: attributes(),
    })),
    events: Array.from({ length: random(3) }, () => ({
      name: text(),
      time: time(),
      attributes: attributes(),
      droppedAttributesCount: random(3),
    })),
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: random(10),
    droppedEventsCount: random(10),
    droppedLinksCount: random(10),
  })).map((one) => {
    const fixed = one.spanContext();
    return { ...one, spanContext: () => fixed };
  });
  const fromJson = transcodeTraces(JsonTraceSerializer.serializeRequest(spans as never)!);
  const binary = ProtobufTraceSerializer.serializeRequest(spans as never)!;
  const ours = decode(TRACE_REQUEST, fromJson.body as Buffer);
  const theirs = decode(TRACE_REQUEST, Buffer.from(binary));
  expect(withoutDefaults(ours)).toEqual(withoutDefaults(theirs));
  expect(fromJson.warnings.size).toBe(0);
});

/** Proto3 leaves it to the writer whether a field at its default is written. */
function withoutDefaults(message: Decoded): Decoded {
  const entries = Object.entries(message).map(([name, values]): [string, (string | Decoded)[]] => [
    name,
    values.map((value) => (typeof value === "string" ? value : withoutDefaults(value))),
  ]);
  const isDefault = (name: string, values: readonly unknown[]): boolean =>
    !name.endsWith("Value") && values.length === 1 && (values[0] === "" || values[0] === "0");
  return Object.fromEntries(entries.filter(([name, values]) => !isDefault(name, values)));
}
