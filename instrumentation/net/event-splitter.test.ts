import { expect, test } from "vitest";
import { EVENT_LIMIT, jsonLines, serverSentEvents } from "./event-splitter.ts";

const SSE = [
  ": a comment\n",
  'event: message_start\r\ndata: {"a":"é 世界 🚆"}\r\n\r\n',
  "data: one\ndata: two\n\n",
  "data:no space\nid: 7\n\n",
  "\n\ndata\n\n",
  "data: \r\rdata: by return\r\r",
  "retry: 100\ndata: [DONE]\n\n",
  "data: never ended",
].join("");
const SSE_EVENTS = [
  '{"a":"é 世界 🚆"}',
  "one\ntwo",
  "no space",
  "",
  "by return",
  "[DONE]",
  "never ended",
];
const LINES = '{"a":"é"}\n\n{"b":"🚆"}\r\n  \n{"c":3}';

function split(splitter: typeof jsonLines, pieces: Iterable<Uint8Array>): string[] {
  const seen: string[] = [];
  const events = splitter((data) => seen.push(data));
  const decoder = new TextDecoder();
  for (const piece of pieces) events.push(decoder.decode(piece, { stream: true }));
  events.end();
  return seen;
}

function* piecesOf(bytes: Uint8Array, sizeOf: () => number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const size = sizeOf();
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

test.each([
  ["server-sent events", serverSentEvents, SSE, SSE_EVENTS],
  ["lines", jsonLines, LINES, ['{"a":"é"}', '{"b":"🚆"}', '{"c":3}']],
] as const)("%s: cut anywhere, the events are the same", (_, splitter, text, expected) => {
  const bytes = new TextEncoder().encode(text);
  expect(split(splitter, [bytes])).toEqual(expected);
  // Every cut in two, every byte alone, and cuts at random.
  for (let at = 0; at <= bytes.length; at++)
    expect(split(splitter, [bytes.subarray(0, at), bytes.subarray(at)])).toEqual(expected);
  expect(
    split(
      splitter,
      piecesOf(bytes, () => 1),
    ),
  ).toEqual(expected);
  for (let round = 0; round < 200; round++)
    expect(
      split(
        splitter,
        piecesOf(bytes, () => Math.floor(Math.random() * 9)),
      ),
    ).toEqual(expected);
});

test("an event that is too long is left out, and the next one is not", () => {
  const seen: string[] = [];
  const events = serverSentEvents((data) => seen.push(data));
  events.push("data: ");
  for (let at = 0; at < EVENT_LIMIT; at += 65_536) events.push("x".repeat(65_536));
  events.push("\n\ndata: next\n\n");
  // Of many lines that are not too long themselves.
  for (let at = 0; at <= EVENT_LIMIT; at += 1_000) events.push(`data: ${"y".repeat(1_000)}\n`);
  events.push("\n\ndata: last\n\n");
  expect(seen).toEqual(["next", "last"]);
});
