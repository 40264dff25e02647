import type { Attributes } from "@opentelemetry/api";
import { TracerProvider, type ReadableSpan } from "@opentelemetry/sdk-trace";
import { beforeEach, expect, test } from "vitest";
import { ATTR } from "./conventions.ts";
import { ExportQueue } from "./export-queue.ts";
import { stats } from "./health.ts";
import type { SpanBatch, SpanSender } from "./otlp/senders.ts";

interface Kept {
  span: ReadableSpan;
  attributes: Attributes;
}

class KeptBatch implements SpanBatch {
  readonly all: Kept[] = [];

  get spans(): number {
    return this.all.length;
  }

  add(span: ReadableSpan, attributes: Attributes): void {
    this.all.push({ span, attributes });
  }
}

beforeEach(() => {
  for (const name of Object.keys(stats) as (keyof typeof stats)[]) stats[name] = 0;
});

/** Remembers, and answers when it is told to. */
function sink() {
  const exported: Kept[] = [];
  const answers: ((failed: boolean) => void)[] = [];
  const sender: SpanSender<KeptBatch> = {
    open: () => new KeptBatch(),
    export(batch, done) {
      exported.push(...batch.all);
      answers.push((failed) => done(failed ? { code: 1, error: new Error("away") } : { code: 0 }));
    },
    shutdown: () => Promise.resolve(),
  };
  const queue = new ExportQueue({
    sender,
    lastSender: () => sender,
    flushIntervalMs: 60_000,
  });
  const processor = Object.assign(queue, { onStart: () => {} });
  const tracer = new TracerProvider({ spanProcessors: [processor] }).getTracer("test");
  const end = (attributes: Record<string, string> = {}): void =>
    tracer.startSpan("chat m", { attributes }).end();
  return { exported, answers, queue, end };
}

test("what does not fit by number is dropped and counted, and the rest arrives", async () => {
  const { exported, answers, queue, end } = sink();
  // The first full batch is on its way and unanswered, so the rest piles up.
  for (let at = 0; at < 3_000; at++) end();
  expect(exported).toHaveLength(512);
  expect(stats).toMatchObject({
    spansEnqueued: 512 + 2_048,
    spansDroppedQueueFull: 3_000 - 512 - 2_048,
  });
  const flushed = queue.forceFlush();
  while (stats.spansExported < 2_560) {
    answers.shift()?.(false);
    await Promise.resolve();
  }
  await flushed;
  expect(exported).toHaveLength(2_560);
});

test("what does not fit by bytes loses its messages only", async () => {
  const { exported, answers, queue, end } = sink();
  const messages = "x".repeat(8 * 1024 * 1024);
  for (let at = 0; at < 8; at++) end({ [ATTR.inputMessages]: messages, [ATTR.requestModel]: "m" });
  expect(stats).toMatchObject({ spansEnqueued: 8, spansDroppedQueueFull: 0 });
  expect(stats.contentDropped).toBeGreaterThan(0);
  const flushed = queue.forceFlush();
  while (stats.spansExported < 8) {
    answers.shift()?.(false);
    await Promise.resolve();
  }
  await flushed;
  const stripped = exported.filter(
    ({ attributes }) => attributes[ATTR.assayContentDropped] === true,
  );
  expect(stripped).toHaveLength(stats.contentDropped);
  expect(stripped[0]?.attributes).toEqual({
    [ATTR.requestModel]: "m",
    [ATTR.assayContentDropped]: true,
  });
  expect(stripped[0]?.span.name).toBe("chat m");
  expect(stripped[0]?.span.ended).toBe(true);
});

test("a batch that cannot be delivered is counted and nothing throws", async () => {
  const { answers, queue, end } = sink();
  end();
  const flushed = queue.forceFlush();
  answers.shift()?.(true);
  await flushed;
  expect(stats).toMatchObject({ spansExported: 0, spansDroppedExportFailed: 1 });
});

test("after stop() what waits is counted as dropped, and what comes is not taken", async () => {
  const { queue, end } = sink();
  end();
  await queue.stop();
  end();
  expect(stats).toMatchObject({ spansEnqueued: 1, spansDroppedExportFailed: 1 });
});
