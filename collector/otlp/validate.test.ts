import { describe, expect, test } from "vitest";
import { threadCpuMs } from "../../test/thread-cpu.ts";
import { PermanentError } from "../stages.ts";
import {
  body,
  double,
  type Field,
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
} from "./testing.ts";
import { validateTraces } from "./validate.ts";

const ids = (traceId: Uint8Array, spanId: Uint8Array): Field =>
  message(2, text(1, traceId), text(2, spanId));

describe("accepted", () => {
  const everything = span(
    text(3, "ot=th:8"),
    text(4, SPAN_ID),
    text(5, "chat"),
    int(6, 3),
    fixed64(7, 1n),
    fixed64(8, 2n ** 64n - 1n),
    keyValue(9, "s", text(1, "x")),
    keyValue(9, "b", int(2, 1)),
    keyValue(9, "i", int(3, -1n)),
    keyValue(9, "d", double(4, Number.NaN)),
    keyValue(9, "a", message(5, message(1, text(1, "x")), message(1))),
    keyValue(9, "m", message(6, keyValue(1, "k", int(3, 1)))),
    keyValue(9, "y", text(7, Uint8Array.of(255))),
    keyValue(9, "empty"),
    int(10, 2 ** 32 - 1),
    message(11, fixed64(1, 1n), text(2, "e"), keyValue(3, "k", text(1, "v")), int(4, 1)),
    int(12, 1),
    message(
      13,
      text(1, TRACE_ID),
      text(2, SPAN_ID),
      text(3, "t"),
      keyValue(4, "k"),
      int(5, 1),
      fixed32(6, 1),
    ),
    int(14, 1),
    message(15, text(2, "boom"), int(3, 2)),
    fixed32(16, 0x3ff),
  );
  const group: Field = [...varint(60 * 8 + 3), ...int(1, 7), ...varint(60 * 8 + 4)];

  const bodies: Record<string, [Uint8Array, number]> = {
    "an empty request": [body(), 0],
    "a resource without scopes": [
      body(message(1, message(1, keyValue(1, "service.name", text(1, "x"))))),
      0,
    ],
    "a span with every field": [request(everything), 1],
    "spans in two scopes and two resources": [
      body(message(1, message(2, span()), message(2, span())), message(1, message(2, span()))),
      3,
    ],
    "unknown fields of every wire type, at every level": [
      body(
        message(
          1,
          message(
            2,
            message(1, text(99, "x")),
            span(int(99, 1), fixed64(98, 1n), fixed32(97, 1), group),
          ),
          group,
        ),
        group,
      ),
      1,
    ],
    "string table indexes, which belong to profiles": [
      request(span(message(9, int(3, 5), message(2, int(8, 5))))),
      1,
    ],
    "a repeated id, the last one good": [
      request(message(2, text(1, "short"), text(1, TRACE_ID), text(2, SPAN_ID))),
      1,
    ],
  };
  test.each(Object.entries(bodies))("%s", (_situation, [bytes, spanCount]) => {
    expect(validateTraces(bytes)).toEqual({ spanCount, rejected: [], reasons: new Map() });
  });
});

describe("a span is refused alone", () => {
  const good = ids(TRACE_ID, SPAN_ID);
  const spans: Record<string, [Field, string]> = {
    "trace id of 12 bytes": [ids(TRACE_ID.subarray(4), SPAN_ID), "trace_id length 12"],
    "no trace id": [message(2, text(2, SPAN_ID)), "trace_id length 0"],
    "trace id of zeros": [ids(new Uint8Array(16), SPAN_ID), "trace_id all zeros"],
    "trace id of 70 bytes": [ids(new Uint8Array(70), SPAN_ID), "trace_id length over 64"],
    "span id of 16 bytes": [ids(TRACE_ID, TRACE_ID), "span_id length 16"],
    "span id of zeros": [ids(TRACE_ID, new Uint8Array(8)), "span_id all zeros"],
  };
  test.each(Object.entries(spans))("%s", (_situation, [bad, reason]) => {
    expect(validateTraces(request(good, bad, good, bad))).toEqual({
      spanCount: 4,
      rejected: [1, 3],
      reasons: new Map([[reason, 2]]),
    });
  });
});

describe("malformed", () => {
  const bodies: Record<string, Uint8Array> = {
    "resource_spans as a varint": body(int(1, 1)),
    "attributes as a varint": request(span(int(9, 1))),
    "flags as a varint": request(span(int(16, 1))),
    "kind as text": request(span(text(6, "client"))),
    "start as a varint": request(span(int(7, 1))),
    "int value as fixed64": request(span(keyValue(9, "k", fixed64(3, 1n)))),
    "int value as fixed64, four lists down": request(
      span(
        keyValue(
          9,
          "k",
          message(5, message(1, message(5, message(1, message(5, message(1, fixed64(3, 1n))))))),
        ),
      ),
    ),
    "a span longer than its scope": body(message(1, [0x12, 2, 0x12, 9])),
    "an event cut short": request(span([0x5a, 2, 0x09, 1])),
    "tag 0": body([0]),
  };
  test.each(Object.entries(bodies))("%s", (_situation, bytes) => {
    expect(() => validateTraces(bytes)).toThrow(PermanentError);
    expect(() => validateTraces(bytes)).toThrow(/^malformed protobuf: .+ at byte \d+$/);
  });

  test("the walk works again after a refusal", () => {
    expect(() => validateTraces(body([0]))).toThrow(PermanentError);
    expect(validateTraces(request(span())).spanCount).toBe(1);
  });
});

describe("hostile", () => {
  test("lists nested 100,000 deep do not overflow the stack", () => {
    // Written from the innermost outwards, backwards from the end of a buffer: each level needs the length within.
    const buffer = Buffer.alloc(1 << 20);
    let start = buffer.length;
    const wrap = (tag: number) => {
      const header = [tag, ...varint(buffer.length - start)];
      start -= header.length;
      buffer.set(header, start);
    };
    for (let depth = 0; depth < 100_000; depth++) for (const tag of [0x0a, 0x2a]) wrap(tag);
    wrap(0x12);
    wrap(0x4a);
    const attribute = [...buffer.subarray(start)];
    expect(validateTraces(request(span(attribute))).spanCount).toBe(1);
  });

  test("two million empty attributes take less than two seconds", () => {
    const count = 2_000_000;
    const attributes = Buffer.alloc(count * 2);
    for (let at = 0; at < attributes.length; at += 2) attributes[at] = 0x4a;
    const content = Buffer.concat([
      Buffer.from([...text(1, TRACE_ID), ...text(2, SPAN_ID)]),
      attributes,
    ]);
    const wrap = (tag: number, inner: Buffer) =>
      Buffer.concat([Buffer.from([tag, ...varint(inner.length)]), inner]);
    const bytes = wrap(0x0a, wrap(0x12, wrap(0x12, content)));
    const cpuMs = threadCpuMs(() => {
      expect(validateTraces(bytes).spanCount).toBe(1);
    });
    expect(cpuMs).toBeLessThan(2_000);
  });

  test("no cut or flipped byte of a good body does anything but refuse or pass", () => {
    const good = request(
      span(keyValue(9, "k", message(6, keyValue(1, "k", int(3, 300))))),
      span(message(11, fixed64(1, 1n)), message(13, text(1, TRACE_ID))),
    );
    for (let at = 0; at < good.length; at++) {
      for (const bit of [1, 2, 4, 8, 16, 32, 64, 128]) {
        const flipped = good.slice();
        flipped[at]! ^= bit;
        expectVerdict(flipped);
      }
      expectVerdict(good.subarray(0, at));
    }
  });
});

function expectVerdict(bytes: Uint8Array): void {
  try {
    validateTraces(bytes);
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
  }
}
