/** Scores: what is sent of them, and what is refused without a word to the service's own code. */
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { stats } from "../health.ts";
import { ScoreQueue } from "./score-queue.ts";

const record = {
  resource: new TracerProvider({}) as never,
  scope: { name: "s" },
  bytes: new Uint8Array(4),
};

beforeAll(() => {
  vi.useFakeTimers();
});
afterAll(() => {
  vi.useRealTimers();
});
beforeEach(() => {
  stats.scoresSent = 0;
  stats.scoresDropped = 0;
});

function queueWith(code: number, isStuck = false) {
  const sent: number[] = [];
  const sender = {
    export(records: unknown[], done: (result: { code: number }) => void) {
      sent.push(records.length);
      if (!isStuck) done({ code });
    },
    shutdown: async () => undefined,
  };
  return { sent, queue: new ScoreQueue({ sender, lastSender: () => sender, flushIntervalMs: 50 }) };
}

test("sent together, after the interval", async () => {
  const { queue, sent } = queueWith(0);
  queue.add(record);
  queue.add(record);
  expect(sent).toEqual([]);
  await vi.advanceTimersByTimeAsync(50);
  expect(sent).toEqual([2]);
  expect(stats.scoresSent).toBe(2);
});

test("a full batch at once; a flush sends what is left", async () => {
  const { queue, sent } = queueWith(0);
  for (let i = 0; i < 300; i++) queue.add(record);
  expect(sent).toEqual([256]);
  await queue.forceFlush();
  expect(sent).toEqual([256, 44]);
});

test("the collector refuses, or takes nothing any more: dropped and counted, never more than the bound", async () => {
  const refused = queueWith(1);
  refused.queue.add(record);
  await refused.queue.forceFlush();
  expect(stats.scoresDropped).toBe(1);
  const stuck = queueWith(0, true);
  const taken = Array.from({ length: 3_000 }, () => stuck.queue.add(record));
  expect(taken.filter(Boolean)).toHaveLength(2_048 + 256);
  expect(stats.scoresDropped).toBe(1 + 3_000 - 2_048 - 256);
  await stuck.queue.stop();
  expect(stats.scoresDropped).toBe(1 + 3_000 - 256);
  expect(stuck.queue.add(record)).toBe(false);
});
