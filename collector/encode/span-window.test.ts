import { expect, test } from "vitest";
import { SpanWindow } from "./span-window.ts";

const body = Buffer.alloc(24);
const scan = { traceIdAt: 0, spanIdAt: 16, endLow: 5, endHigh: 6 };

function isRepeat(window: SpanWindow, n: number, seq: number): boolean {
  body.writeUInt32LE(n % 1_000, 4);
  body.writeUInt32LE(n, 20);
  return window.isRepeat(scan, body, { body, at: 0, end: body.length }, seq, n);
}

test("the last quarter of a million spans are known, earlier ones not for ever", () => {
  const window = new SpanWindow();
  const spans = 800_000;
  let repeats = 0;
  for (let n = 0; n < spans; n++) if (isRepeat(window, n, 1)) repeats++;
  expect(repeats).toBe(0);
  const known = (from: number, to: number) => {
    let count = 0;
    for (let n = from; n < to; n++) if (isRepeat(window, n, 2)) count++;
    return count;
  };
  expect(known(spans - 262_144, spans)).toBe(262_144);
  expect(known(0, 1_000)).toBe(0);
});

test("at its own place a span is no repeat, also when it is asked for later", () => {
  const window = new SpanWindow();
  for (let n = 0; n < 1_000; n++) isRepeat(window, n, 2 ** 40 + 1);
  for (let n = 0; n < 1_000; n++) expect(isRepeat(window, n, 2 ** 40 + 1)).toBe(false);
  for (let n = 0; n < 1_000; n++) expect(isRepeat(window, n, 2 ** 40 + 2)).toBe(true);
  window.forget();
  expect(isRepeat(window, 7, 3)).toBe(false);
});
