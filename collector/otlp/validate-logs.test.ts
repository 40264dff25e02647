import { describe, expect, test } from "vitest";
import { PermanentError } from "../stages.ts";
import { withoutLogs } from "./keep-logs.ts";
import {
  body,
  type Field,
  fixed32,
  fixed64,
  int,
  keyValue,
  logRecord,
  message,
  ofSpan,
  request,
  SPAN_ID,
  text,
  TRACE_ID,
} from "./testing.ts";
import { validateLogs } from "./validate-logs.ts";

const named = text(12, "gen_ai.evaluation.result");
const score = keyValue(6, "gen_ai.evaluation.name", text(1, "Relevance"));
const NO_EVENT = expect.stringMatching(/^no GenAI event/);
const NO_SPAN = "message event without the ids of a span";
const NO_NAME = "evaluation without gen_ai.evaluation.name";

const one = (...fields: Field[]) => validateLogs(request(logRecord(...fields)));

describe("what is kept", () => {
  const kept: Record<string, Field[]> = {
    "an evaluation of a span": [named, score, ofSpan],
    "an evaluation of a response alone": [
      named,
      score,
      keyValue(6, "gen_ai.response.id", text(1, "r")),
    ],
    "ids that are none mean no trace": [named, score, text(9, "short"), text(10, Buffer.alloc(8))],
    "the name as an attribute": [
      keyValue(6, "event.name", text(1, "gen_ai.evaluation.result")),
      score,
    ],
    "the name behind the attributes": [score, named],
    "attributes in another form": [
      named,
      message(6, message(2, text(1, "Relevance")), text(1, "gen_ai.evaluation.name")),
    ],
    "a call's details": [text(12, "gen_ai.client.inference.operation.details"), ofSpan],
    "a message": [text(12, "gen_ai.user.message"), ofSpan],
    "all fields": [
      fixed64(1, 5n),
      int(2, 9),
      text(3, "INFO"),
      message(5, text(1, "body")),
      int(7, 1),
      fixed32(8, 1),
      fixed64(11, 6n),
      text(99, "unknown"),
      named,
      score,
    ],
  };
  test.each(Object.entries(kept))("%s", (_, fields) => {
    expect(one(...fields)).toEqual({ spanCount: 1, rejected: [], reasons: new Map() });
  });
});

describe("what is refused alone", () => {
  const refused: Record<string, [unknown, Field[]]> = {
    "a line of a log": [NO_EVENT, [message(5, text(1, "started")), ofSpan]],
    "an event of others": [NO_EVENT, [text(12, "browser.page_view"), ofSpan]],
    "an event of the conventions that says nothing new": [
      "GenAI event of a kind that is not kept",
      [text(12, "gen_ai.client.operation.exception"), ofSpan],
    ],
    "a long name": [NO_EVENT, [text(12, `gen_ai.choice${" ".repeat(1000)}`), ofSpan]],
    "a name that is a number": [NO_EVENT, [keyValue(6, "event.name", int(3, 7)), ofSpan]],
    "the field counts before the attribute": [
      NO_EVENT,
      [text(12, "mine"), keyValue(6, "event.name", text(1, "gen_ai.choice")), ofSpan],
    ],
    "a message of no span": [NO_SPAN, [text(12, "gen_ai.choice"), text(9, TRACE_ID)]],
    "a message of no trace": [NO_SPAN, [text(12, "gen_ai.choice"), text(10, SPAN_ID)]],
    "an evaluation of nothing": [NO_NAME, [named, ofSpan]],
    "an evaluation with an empty name": [
      NO_NAME,
      [named, keyValue(6, "gen_ai.evaluation.name", text(1, ""))],
    ],
  };
  test.each(Object.entries(refused))("%s", (_, [reason, fields]) => {
    const { rejected, reasons } = one(...fields);
    expect({ rejected, reasons: [...reasons] }).toEqual({ rejected: [0], reasons: [[reason, 1]] });
  });
});

describe("what refuses the request", () => {
  const malformed: Record<string, Uint8Array> = {
    "a field of the wrong wire type": request(logRecord(int(5, 1))),
    "a time cut short": request(message(2, [0x09, 1, 2, 3])),
    "a length beyond the end": body([0x0a, 0x7f]),
    "a malformed value": request(logRecord(message(5, [0x0a, 0x05, 0x61]))),
    "a malformed attribute": request(logRecord(message(6, [0x12, 0x05]))),
  };
  test.each(Object.entries(malformed))("%s", (_, bytes) => {
    expect(() => validateLogs(bytes)).toThrow(PermanentError);
  });
});

test("records that are not kept leave the body, and nothing else does", () => {
  const line = logRecord(text(12, "mine"));
  const first = logRecord(named, score);
  const second = logRecord(text(12, "gen_ai.choice"), ofSpan);
  const scope = message(1, text(1, "scope"));
  const resource = message(1, keyValue(1, "service.name", text(1, "svc")));
  const unknown = text(77, "unknown");
  const whole = body(
    message(1, resource, message(2, scope, line, first, unknown, line)),
    message(1, message(2, line)),
    message(1, message(2, second, line)),
  );
  const { rejected, spanCount } = validateLogs(whole);
  expect({ rejected, spanCount }).toEqual({ spanCount: 6, rejected: [0, 2, 3, 5] });
  const kept = withoutLogs(whole, rejected);
  expect(Buffer.from(kept).toString("hex")).toBe(
    Buffer.from(
      body(
        message(1, resource, message(2, scope, first, unknown)),
        message(1, message(2)),
        message(1, message(2, second)),
      ),
    ).toString("hex"),
  );
  expect(validateLogs(kept)).toMatchObject({ spanCount: 2, rejected: [] });
  expect(withoutLogs(kept, [])).toBe(kept);
});
