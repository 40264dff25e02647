import { createHash } from "node:crypto";
import { loadPriceBook } from "@assay/instrumentation/pricing";
import { expect, test } from "vitest";
import { historyRequests } from "./history.ts";
import { createRandom } from "./random.ts";

const NOW = Date.UTC(2026, 10, 23, 22);

function hashOfFirst(count: number, seed: number): string {
  const hash = createHash("sha256");
  let left = count;
  for (const { body } of historyRequests({ now: NOW, seed, days: 14 })) {
    hash.update(body);
    if (--left === 0) break;
  }
  return hash.digest("hex");
}

test("the same seed and time give the same bytes", () => {
  expect(hashOfFirst(3, 1)).toBe(hashOfFirst(3, 1));
  expect(hashOfFirst(3, 1)).not.toBe(hashOfFirst(3, 2));
});

test("fourteen days are 20,000 to 30,000 spans", () => {
  let spans = 0;
  let traces = 0;
  let text = "";
  for (const request of historyRequests({ now: NOW, seed: 1, days: 14 })) {
    spans += request.spans;
    traces += request.traces;
    text += Buffer.from(request.body).toString("latin1");
  }
  expect(spans).toBeGreaterThan(20_000);
  expect(spans).toBeLessThan(32_000);
  expect(traces).toBeGreaterThan(8_000);
  const parts = [
    "assay.generated",
    "handbook",
    "shop-assistant",
    "mail-triage",
    "1.4.0",
    "1.5.0",
    "RateLimitError",
  ];
  expect(parts.filter((part) => !text.includes(part))).toEqual([]);
});

test("every model of the history has a price", () => {
  const book = loadPriceBook();
  for (const model of [
    "gpt-4o-mini",
    "gpt-4o",
    "gpt-4.1",
    "gpt-4.1-mini",
    "text-embedding-3-small",
  ]) {
    expect(book.resolve("openai", model, NOW)?.free, model).toBe(false);
  }
  const price = (hour: number) =>
    book.resolve("deepseek", "deepseek-v4-flash", Date.UTC(2026, 10, 20, hour))?.id;
  expect(price(2)).not.toBe(price(12));
});

test("random numbers have the distribution that they are named for", () => {
  const random = createRandom(7);
  const many = <T>(draw: () => T) => Array.from({ length: 20_000 }, draw);
  const mean = (numbers: number[]) => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
  expect(mean(many(() => random.count(3)))).toBeCloseTo(3, 1);
  expect(mean(many(() => Math.log(random.spread(0.5))))).toBeCloseTo(0, 1);
  const ranks = many(() => random.pickZipf(50));
  expect(Math.min(...ranks)).toBe(0);
  expect(Math.max(...ranks)).toBe(49);
  expect(ranks.filter((rank) => rank === 0).length).toBeGreaterThan(
    ranks.filter((rank) => rank === 9).length * 4,
  );
  expect(random.hex(16)).toMatch(/^[0-9a-f]{32}$/);
});
