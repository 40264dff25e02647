/**
 * P01 to P28: what payloads mean, sent over {HTTP/protobuf, HTTP/JSON, gRPC} × {identity, gzip} where the case applies,
 * and read back from the block that goes into ClickHouse.
 */
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anomaliesOf } from "../../collector/encode/anomalies.ts";
import type { Row } from "../../collector/encode/native-reading.ts";
import { openLog } from "../../collector/log/log.ts";
import {
  body,
  double,
  fixed32,
  fixed64,
  int,
  keyValue,
  message,
  request,
  span,
  SPAN_ID,
  text,
  TRACE_ID,
  varint,
  type Field,
} from "../../collector/otlp/testing.ts";
import {
  ENCODINGS,
  MiB,
  send,
  startReceivers,
  TRANSPORTS,
  type Receivers,
  type Transport,
} from "./receivers.ts";

const TRACE_HEX = TRACE_ID.toString("hex");
const SPAN_HEX = SPAN_ID.toString("hex");
const OK = 0;
const INVALID_ARGUMENT = 3;

const NOW = BigInt(Date.now()) * 1_000_000n;
const started = fixed64(7, NOW);
const ended = fixed64(8, NOW + 5n);
const TIMES = `"startTimeUnixNano":"${NOW}","endTimeUnixNano":"${NOW + 5n}"`;

/** A request of one good span with these fields. */
const protobufSpan = (...fields: Field[]): Uint8Array => request(span(started, ended, ...fields));
const jsonSpan = (
  members: string,
  ids = `"traceId":"${TRACE_HEX}","spanId":"${SPAN_HEX}"`,
): string =>
  `{"resourceSpans":[{"scopeSpans":[{"spans":[{${[ids, TIMES, members].filter(Boolean).join()}}]}]}]}`;
const protobufAttribute = (...value: Field[]): Uint8Array =>
  protobufSpan(keyValue(9, "k", ...value));
const jsonAttribute = (value: string, key = "k"): string =>
  jsonSpan(`"attributes":[{"key":${JSON.stringify(key)},"value":${value}}]`);
const nested = (depth: number): string =>
  `${'{"arrayValue":{"values":['.repeat(depth - 1)}{"stringValue":"x"}${"]}}".repeat(depth - 1)}`;
const nestedProtobuf = (depth: number): Field => {
  let value: Field = text(1, "x");
  for (let level = 1; level < depth; level++) value = message(5, message(1, value));
  return value;
};

interface Situation {
  protobuf?: Uint8Array;
  json?: string;
  /** @default OK */
  code?: number;
  /** Part of the message of the answer. */
  says?: string;
  rejected?: number;
  /** What is stored, in part. @default one row */
  rows?: Row[];
}

const one = (row: Row): { rows: Row[] } => ({ rows: [row] });
const refused = { code: INVALID_ARGUMENT, rows: [] };
const group: Field = [...varint(60 * 8 + 3), ...int(1, 7), ...varint(60 * 8 + 4)];
const strings = (...pairs: [string, string][]): Row => ({ attrs_string: new Map(pairs) });
const asJson = (value: string): Row => ({ attrs_json: new Map([["k", value]]) });
const badIds = (traceId: Uint8Array, spanId: Uint8Array): Uint8Array =>
  request(message(2, text(1, traceId), text(2, spanId)), span(started, ended));
const badJsonIds = (traceId: string, spanId: string): string =>
  jsonSpan("").replace('"spans":[', `"spans":[{"traceId":"${traceId}","spanId":"${spanId}"},`);

const SITUATIONS: [name: string, Situation][] = [
  [
    "P01 unknown fields at every level",
    {
      protobuf: body(
        message(
          1,
          message(2, message(1, text(99, "x")), span(started, ended, int(99, 1), group), group),
          fixed32(97, 1),
        ),
        fixed64(98, 1n),
      ),
      json: `{"x":[{}],"resourceSpans":[{"x":null,"scopeSpans":[{"x":"","spans":[{"traceId":"${TRACE_HEX}","spanId":"${SPAN_HEX}","x":{"traceId":7}}]}]}]}`,
    },
  ],
  [
    "P02 flags",
    {
      protobuf: protobufSpan(fixed32(16, 0xfffffffe)),
      json: jsonSpan('"flags":4294967294'),
      ...one({ flags: 0xfffffffe }),
    },
  ],
  [
    "P03 ids in mixed case",
    {
      json: jsonSpan("").replace(TRACE_HEX, TRACE_HEX.toUpperCase().replace("B", "b")),
      ...one({ trace_id: TRACE_HEX }),
    },
  ],
  [
    "P03 ids in base64",
    {
      json: badJsonIds(TRACE_ID.toString("base64"), SPAN_ID.toString("base64")),
      rejected: 1,
      says: "traceId is not hexadecimal",
    },
  ],
  [
    "P04 integers with all their digits, as number and as text",
    {
      json: jsonSpan(
        '"attributes":[{"key":"a","value":{"intValue":9007199254740993}},{"key":"b","value":{"intValue":"9007199254740995"}}]',
      ).replace(`"startTimeUnixNano":"${NOW}"`, `"startTimeUnixNano":${NOW + 1n}`),
      ...one({
        start_unix_nano: NOW + 1n,
        attrs_int: new Map([
          ["a", 9007199254740993n],
          ["b", 9007199254740995n],
        ]),
      }),
    },
  ],
  [
    "P05 enums as integers",
    {
      protobuf: protobufSpan(int(6, 3), message(15, int(3, 2))),
      json: jsonSpan('"kind":3,"status":{"code":2}'),
      ...one({ kind: 3, status_code: 2, status: "error" }),
    },
  ],
  [
    "P05 a known name of an enum",
    {
      json: jsonSpan('"kind":"SPAN_KIND_CLIENT"'),
      says: "kind given by name",
      ...one({ kind: 3 }),
    },
  ],
  [
    "P05 an unknown name of an enum",
    { json: jsonSpan('"kind":"LAMP"'), rejected: 1, says: 'unknown kind "LAMP"', rows: [] },
  ],
  [
    "P06 snake_case is unknown",
    {
      json: jsonSpan("", `"trace_id":"${TRACE_HEX}","span_id":"${SPAN_HEX}"`),
      rejected: 1,
      says: "trace_id length 0",
      rows: [],
    },
  ],
  ...["-_8=", "-_8", "+/8=", "+/8"].map((value): [string, Situation] => [
    `P07 bytes as ${value}`,
    { json: jsonAttribute(`{"bytesValue":"${value}"}`), ...one(asJson('{"bytesValue":"+/8="}')) },
  ]),
  [
    "P08 an empty value",
    { protobuf: protobufAttribute(), json: jsonAttribute("{}"), ...one(asJson("{}")) },
  ],
  [
    "P09 a mixed array with a map and bytes",
    {
      protobuf: protobufAttribute(
        message(
          5,
          message(1, text(1, "x")),
          message(1, int(3, 1)),
          message(1, message(6, keyValue(1, "a", int(2, 0)))),
          message(1, text(7, Uint8Array.of(255, 254))),
        ),
      ),
      json: jsonAttribute(
        '{"arrayValue":{"values":[{"stringValue":"x"},{"intValue":"1"},{"kvlistValue":{"values":[{"key":"a","value":{"boolValue":false}}]}},{"bytesValue":"//4="}]}}',
      ),
      ...one(
        asJson(
          '{"arrayValue":{"values":[{"stringValue":"x"},{"intValue":"1"},{"kvlistValue":{"values":[{"key":"a","value":{"boolValue":false}}]}},{"bytesValue":"//4="}]}}',
        ),
      ),
    },
  ],
  [
    "P10 32 levels",
    {
      protobuf: protobufAttribute(nestedProtobuf(32)),
      json: jsonAttribute(nested(32)),
      ...one({ anomalies: [], dropped_attributes: 0 }),
    },
  ],
  [
    "P10 33 levels",
    {
      protobuf: protobufAttribute(nestedProtobuf(33)),
      json: jsonAttribute(nested(33)),
      ...one({
        ...strings(["k", "[depth limit]"]),
        dropped_attributes: 1,
        anomalies: ["depthLimit"],
      }),
    },
  ],
  [
    "P11 indexes into a string table",
    {
      protobuf: protobufSpan(message(9, int(3, 5), message(2, int(8, 5)))),
      ...one({ anomalies: ["stringIndex"] }),
    },
  ],
  [
    "P12 a trace id of 12 bytes",
    {
      protobuf: badIds(TRACE_ID.subarray(4), SPAN_ID),
      json: badJsonIds(TRACE_HEX.slice(8), SPAN_HEX),
      rejected: 1,
      says: "1 span rejected: 1× trace_id length 12",
    },
  ],
  [
    "P12 a trace id of zeros",
    {
      protobuf: badIds(new Uint8Array(16), SPAN_ID),
      json: badJsonIds("0".repeat(32), SPAN_HEX),
      rejected: 1,
      says: "trace_id all zeros",
    },
  ],
  [
    "P12 a span id of zeros",
    {
      protobuf: badIds(TRACE_ID, new Uint8Array(8)),
      json: badJsonIds(TRACE_HEX, "0".repeat(16)),
      rejected: 1,
      says: "span_id all zeros",
    },
  ],
  [
    "P13 no parent",
    {
      protobuf: protobufSpan(text(4, "")),
      json: jsonSpan('"parentSpanId":""'),
      ...one({ parent_span_id: "0".repeat(16), anomalies: [] }),
    },
  ],
  [
    "P13 a parent id of the wrong length",
    {
      protobuf: protobufSpan(text(4, "abc")),
      json: jsonSpan('"parentSpanId":"616263"'),
      ...one({ parent_span_id: "0".repeat(16), anomalies: ["parentIdInvalid"] }),
    },
  ],
  [
    "P13 a span that is its own parent",
    {
      protobuf: protobufSpan(text(4, SPAN_ID)),
      json: jsonSpan(`"parentSpanId":"${SPAN_HEX}"`),
      ...one({ anomalies: ["parentIsSelf"] }),
    },
  ],
  [
    "P14 kind and status out of range",
    {
      protobuf: protobufSpan(int(6, 99), message(15, int(3, 77))),
      json: jsonSpan('"kind":99,"status":{"code":77}'),
      ...one({ kind: 99, status_code: 77 }),
    },
  ],
  [
    "P15 an attribute twice",
    {
      protobuf: protobufSpan(keyValue(9, "k", text(1, "a")), keyValue(9, "k", text(1, "b"))),
      json: jsonSpan(
        '"attributes":[{"key":"k","value":{"stringValue":"a"}},{"key":"k","value":{"stringValue":"b"}}]',
      ),
      ...one({ ...strings(["k", "b"]), anomalies: ["duplicateAttribute"] }),
    },
  ],
  [
    "P16 dropped counts, trace state, schema URLs, scope attributes",
    {
      protobuf: body(
        message(
          1,
          message(
            2,
            message(1, text(1, "lib"), text(2, "1.0"), keyValue(3, "s", text(1, "v"))),
            span(started, ended, text(3, "a=b"), int(10, 2 ** 32 - 1), int(12, 2), int(14, 3)),
            text(3, "urn:scope"),
          ),
          text(3, "urn:resource"),
        ),
      ),
      json: jsonSpan(
        '"traceState":"a=b","droppedAttributesCount":4294967295,"droppedEventsCount":2,"droppedLinksCount":3',
      )
        .replace(
          '{"spans"',
          '{"scope":{"name":"lib","version":"1.0","attributes":[{"key":"s","value":{"stringValue":"v"}}]},"schemaUrl":"urn:scope","spans"',
        )
        .replace('[{"scopeSpans"', '[{"schemaUrl":"urn:resource","scopeSpans"'),
      ...one({
        trace_state: "a=b",
        dropped_attributes: 2 ** 32 - 1,
        dropped_events: 2,
        dropped_links: 3,
        scope_name: "lib",
        scope_version: "1.0",
        scope_attributes: new Map([["s", "v"]]),
        scope_schema_url: "urn:scope",
        resource_schema_url: "urn:resource",
      }),
    },
  ],
  [
    "P17 an event and a link with all they have",
    {
      protobuf: protobufSpan(
        message(11, fixed64(1, NOW), text(2, "e"), keyValue(3, "k", text(1, "v")), int(4, 1)),
        message(
          13,
          text(1, TRACE_ID),
          text(2, SPAN_ID),
          text(3, "t"),
          keyValue(4, "k", int(3, 1)),
          int(5, 2),
          fixed32(6, 0x301),
        ),
      ),
      json: jsonSpan(
        `"events":[{"timeUnixNano":"${NOW}","name":"e","attributes":[{"key":"k","value":{"stringValue":"v"}}],"droppedAttributesCount":1}],"links":[{"traceId":"${TRACE_HEX}","spanId":"${SPAN_HEX}","traceState":"t","attributes":[{"key":"k","value":{"intValue":"1"}}],"droppedAttributesCount":2,"flags":769}]`,
      ),
      ...one({
        event_times: [NOW],
        event_names: ["e"],
        event_attributes: [expect.stringContaining('[{"key":"k","value":{"stringValue":"v"}}]')],
        link_trace_ids: [TRACE_HEX],
        link_span_ids: [SPAN_HEX],
        link_attributes: [expect.stringMatching(/"traceState":"t".*"flags":769/)],
      }),
    },
  ],
  [
    "P17 10,000 events and links",
    {
      protobuf: protobufSpan(
        ...Array.from({ length: 10_000 }, () => message(11, text(2, "e"))),
        ...Array.from({ length: 10_000 }, () => message(13, text(1, TRACE_ID), text(2, SPAN_ID))),
      ),
      ...one({ event_names: Array.from({ length: 10_000 }, () => "e") }),
    },
  ],
  [
    "P18 text that is not UTF-8",
    {
      protobuf: protobufSpan(text(5, Buffer.of(0x61, 0xff, 0x62))),
      ...one({ name: "a\ufffdb", anomalies: ["invalidUtf8"] }),
    },
  ],
  ...["__proto__", "constructor", "", "\0", "k".repeat(65_536), "🙂", "\u202ertl"].map(
    (key): [string, Situation] => [
      `P19 the key ${JSON.stringify(key.slice(0, 20))}`,
      {
        protobuf: protobufSpan(keyValue(9, key, text(1, "v"))),
        json: jsonAttribute('{"stringValue":"v"}', key),
        ...one(strings([key, "v"])),
      },
    ],
  ),
  [
    "P20 the ends of int64",
    {
      protobuf: protobufSpan(
        keyValue(9, "min", int(3, -(2n ** 63n))),
        keyValue(9, "max", int(3, 2n ** 63n - 1n)),
      ),
      json: jsonSpan(
        '"attributes":[{"key":"min","value":{"intValue":"-9223372036854775808"}},{"key":"max","value":{"intValue":9223372036854775807}}]',
      ),
      ...one({
        attrs_int: new Map([
          ["min", -(2n ** 63n)],
          ["max", 2n ** 63n - 1n],
        ]),
      }),
    },
  ],
  [
    "P20 the ends of doubles",
    {
      protobuf: protobufSpan(
        keyValue(9, "zero", double(4, -0)),
        keyValue(9, "nan", double(4, NaN)),
        keyValue(9, "inf", double(4, -Infinity)),
        keyValue(9, "tiny", double(4, 5e-324)),
      ),
      json: jsonSpan(
        '"attributes":[{"key":"zero","value":{"doubleValue":-0.0}},{"key":"nan","value":{"doubleValue":"NaN"}},{"key":"inf","value":{"doubleValue":"-Infinity"}},{"key":"tiny","value":{"doubleValue":5e-324}}]',
      ),
      ...one({
        attrs_double: new Map([
          ["zero", -0],
          ["nan", NaN],
          ["inf", -Infinity],
          ["tiny", 5e-324],
        ]),
      }),
    },
  ],
  [
    "P21 a field twice, a oneof twice, a message twice",
    {
      protobuf: protobufSpan(
        text(5, "first"),
        text(5, "last"),
        keyValue(9, "k", text(1, "x"), int(3, 7)),
        message(15, int(3, 2)),
        message(15, text(2, "boom")),
      ),
      ...one({
        name: "last",
        attrs_int: new Map([["k", 7n]]),
        status_code: 2,
        status_message: "boom",
      }),
    },
  ],
  ["P22 start as a varint", { protobuf: request(span(int(7, 1))), ...refused }],
  [
    "P22 name as a number",
    { protobuf: request(span(int(5, 1))), json: jsonSpan('"name":1'), ...refused },
  ],
  [
    "P23 a varint of 11 bytes",
    { protobuf: Buffer.from("0a" + "80".repeat(10) + "01", "hex"), ...refused },
  ],
  ["P23 a length beyond the end", { protobuf: body([0x0a, 5, 0]), ...refused }],
  ["P23 a length of 2^31", { protobuf: body([0x0a, ...varint(2 ** 31)]), ...refused }],
  ["P23 tag 0", { protobuf: body([0]), ...refused }],
  ["P23 a field number beyond 2^29-1", { protobuf: body([...varint(2n ** 32n), 0]), ...refused }],
  [
    "P24 1970",
    {
      protobuf: request(span(fixed64(7, 5n), fixed64(8, 9n))),
      ...one({ start_unix_nano: 5n, duration_ns: 4n, anomalies: ["startTooOld"] }),
    },
  ],
  [
    "P24 no times",
    {
      protobuf: request(span()),
      json: jsonSpan("").replace(TIMES, '"name":""'),
      ...one({ duration_ns: 0n, anomalies: expect.arrayContaining(["startMissing"]) }),
    },
  ],
  [
    "P24 an end before the start",
    {
      protobuf: request(span(started, fixed64(8, NOW - 1n))),
      ...one({ duration_ns: 0n, anomalies: ["endBeforeStart"] }),
    },
  ],
  [
    "P24 an end at the end of time",
    {
      protobuf: request(span(started, fixed64(8, 2n ** 64n - 1n))),
      ...one({ end_unix_nano: 2n ** 64n - 1n, duration_ns: 0n }),
    },
  ],
  [
    "P24 ten years ahead",
    {
      protobuf: request(span(fixed64(7, NOW + 315n * 10n ** 15n), ended)),
      ...one({ anomalies: expect.arrayContaining(["startInFuture"]) }),
    },
  ],
  [
    "P26 no resource, no scope",
    {
      protobuf: protobufSpan(),
      json: jsonSpan(""),
      ...one({ resource: new Map(), scope_name: "", service: "" }),
    },
  ],
  [
    "P26 the same resource twice",
    {
      protobuf: body(
        message(1, message(2, span())),
        message(1, message(2, span(text(2, Buffer.alloc(8, 7))))),
      ),
      rows: [{}, {}],
    },
  ],
  [
    "P28 trace state with a sampling threshold",
    {
      protobuf: protobufSpan(text(3, "ot=th:8;rv:6e6d1a75832a2f,x=y")),
      json: jsonSpan('"traceState":"ot=th:8;rv:6e6d1a75832a2f,x=y"'),
      ...one({ trace_state: "ot=th:8;rv:6e6d1a75832a2f,x=y" }),
    },
  ],
];

let to: Receivers;
beforeAll(async () => {
  to = await startReceivers();
});
afterAll(() => to.stop());

const shown = (row: Row): Row => ({ ...row, anomalies: anomaliesOf(Number(row["anomalies"])) });

describe.each(TRANSPORTS)("%s", (transport) => {
  describe.each(ENCODINGS)("%s", (encoding) => {
    const situations = SITUATIONS.filter(([, situation]) => formOf(situation, transport));
    test.each(situations)("%s", async (_, situation) => {
      const { code = OK, rejected = 0, says, rows = [{}] } = situation;
      const outcome = await send(to, transport, encoding, formOf(situation, transport)!);
      expect(outcome).toMatchObject({ code, rejected });
      if (says !== undefined) expect(outcome.message).toContain(says);
      const stored = to.rows().map(shown);
      expect(stored).toMatchObject(rows);
      expect(stored).toHaveLength(rows.length);
    });
  });
});

function formOf({ protobuf, json }: Situation, transport: Transport): Uint8Array | undefined {
  if (transport !== "HTTP/JSON") return protobuf;
  return json === undefined ? undefined : Buffer.from(json);
}

test("P10 100,000 levels overflow nothing", async () => {
  const large = await startReceivers({ maxBodyBytes: 8 * MiB });
  const json = Buffer.from(jsonAttribute(nested(100_000)));
  expect((await send(large, "HTTP/JSON", "identity", json)).code).toBe(OK);
  // Each level is a message and its length: content grows outwards.
  let value = Buffer.from([0x0a, 1, 0x78]);
  const levels: Buffer[] = [value];
  let length = value.length;
  for (let level = 0; level < 100_000; level++) {
    const inner = Buffer.from([0x0a, ...varint(length)]);
    length += inner.length;
    const outer = Buffer.from([0x2a, ...varint(length)]);
    length += outer.length;
    levels.push(inner, outer);
  }
  value = Buffer.concat(levels.reverse(), length);
  const key = Buffer.from([0x0a, 1, 0x6b, 0x12, ...varint(length)]);
  const attribute = Buffer.concat([key, value]);
  const wrap = (tag: number, content: Buffer): Buffer =>
    Buffer.concat([Buffer.from([tag, ...varint(content.length)]), content]);
  const ids = Buffer.from([...text(1, TRACE_ID), ...text(2, SPAN_ID)]);
  const whole = wrap(0x0a, wrap(0x12, wrap(0x12, Buffer.concat([ids, wrap(0x4a, attribute)]))));
  expect((await send(large, "gRPC", "identity", whole)).code).toBe(OK);
  const stored = large.rows().map(shown);
  expect(stored.map((row) => row["anomalies"])).toMatchObject([
    expect.arrayContaining(["depthLimit"]),
    expect.arrayContaining(["depthLimit"]),
  ]);
  await large.stop();
});

test.each<[name: string, protobuf: () => Uint8Array, rows: number]>([
  [
    "P25 one span of 60 MiB",
    () => {
      const content = Buffer.alloc(60 * MiB, "x");
      const parts = [content];
      for (const tag of [0x0a, 0x12]) {
        if (tag === 0x12) parts.unshift(Buffer.from([0x0a, 1, 0x6b, 0x12, ...varint(sum(parts))]));
        else parts.unshift(Buffer.from([0x0a, ...varint(sum(parts))]));
      }
      parts.unshift(Buffer.from([0x4a, ...varint(sum(parts))]));
      parts.unshift(Buffer.from([...text(1, TRACE_ID), ...text(2, SPAN_ID)]));
      for (const tag of [0x12, 0x12, 0x0a])
        parts.unshift(Buffer.from([tag, ...varint(sum(parts))]));
      return Buffer.concat(parts);
    },
    1,
  ],
  ["P25 100,000 tiny spans", () => many(Buffer.from(span()), 100_000), 100_000],
  [
    "P25 ten million empty attributes",
    () => {
      const attributes = Buffer.alloc(20_000_000, Buffer.of(0x4a, 0));
      const ids = Buffer.from([...text(1, TRACE_ID), ...text(2, SPAN_ID)]);
      const head = Buffer.from([0x12, ...varint(ids.length + attributes.length)]);
      return many(Buffer.concat([head, ids, attributes]), 1);
    },
    1,
  ],
])("%s: taken within bounded time", async (_, protobuf, rows) => {
  const large = await startReceivers({ maxBodyBytes: 64 * MiB });
  const bytes = protobuf();
  for (const transport of ["HTTP/protobuf", "gRPC"] as const) {
    const before = process.cpuUsage();
    expect((await send(large, transport, "identity", bytes)).code).toBe(OK);
    const { user, system } = process.cpuUsage(before); // the sender's included
    expect((user + system) / 1e6).toBeLessThan(2);
    expect(large.taken.splice(0).map(({ spanCount }) => spanCount)).toEqual([rows]);
  }
  await large.stop();
});

const sum = (parts: readonly Buffer[]): number =>
  parts.reduce((total, part) => total + part.length, 0);

/** A request of so many spans, given with their tag. */
function many(spanBytes: Buffer, count: number): Buffer {
  const spans = Buffer.alloc(spanBytes.length * count, spanBytes);
  const scope = Buffer.from([0x12, ...varint(spans.length)]);
  const resource = Buffer.from([0x0a, ...varint(scope.length + spans.length)]);
  return Buffer.concat([resource, scope, spans]);
}

test("P27 the same request again, over any transport, is in the log once", async () => {
  const dir = await mkdtemp(join(tmpdir(), "assay-"));
  const log = await openLog({ dir, maxBytes: 64 * MiB, validatorVersion: 1, log: () => {} });
  const receivers = await startReceivers({ consume: (accepted) => log.append(accepted) });
  const bytes = protobufSpan();
  for (const transport of ["HTTP/protobuf", "gRPC", "HTTP/protobuf"] as const)
    expect((await send(receivers, transport, "identity", bytes)).code).toBe(OK);
  expect(log.stats()).toMatchObject({ appendedRecords: 1, duplicateRequests: 2 });
  expect(receivers.grpc.stats()).toMatchObject({ duplicateRequests: 1 });
  await receivers.stop();
  await log.close();
  await rm(dir, { recursive: true });
});

const EXAMPLES = new URL("../../../shared/data/otlp-examples/", import.meta.url);
describe.skipIf(!existsSync(EXAMPLES))("the OTLP project's own examples", () => {
  const example = (name: string): Buffer => readFileSync(new URL(`${name}.json`, EXAMPLES));

  test.each(ENCODINGS)("traces, %s", async (encoding) => {
    const outcome = await send(to, "HTTP/JSON", encoding, example("trace"));
    expect(outcome).toEqual({ code: OK, rejected: 0, message: "" });
    expect(to.rows()).toMatchObject([
      {
        trace_id: TRACE_HEX,
        span_id: SPAN_HEX,
        parent_span_id: "eee19b7ec3c1b173",
        name: "I'm a server span",
        kind: 2,
        service: "my.service",
        scope_name: "my.library",
        scope_version: "1.0.0",
        attrs_string: new Map([["my.span.attr", "some value"]]),
      },
    ]);
  });

  const post = (signal: string, name: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${to.httpPort}/v1/${signal}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: new Uint8Array(example(name)),
    });

  test("L03 metrics are not taken for stored", async () => {
    const response = await post("metrics", "metrics");
    expect(response.status).toBe(404);
    expect(await response.text()).toContain("OTEL_METRICS_EXPORTER=none");
  });

  test.each(["logs", "events"])("L03 logs (%s) are said not to be kept", async (name) => {
    const response = await post("logs", name);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      partialSuccess: {
        rejectedLogRecords: "1",
        errorMessage: expect.stringMatching(
          /^1 log record rejected: 1× no GenAI event.*OTEL_LOGS_EXPORTER=none/,
        ),
      },
    });
    expect(to.taken).toEqual([]);
  });
});
