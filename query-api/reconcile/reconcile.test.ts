import { readFileSync } from "node:fs";
import {
  formatUsd,
  loadPriceBook,
  bucketsOf,
  costsByBucket,
  type Usage,
} from "@assay/instrumentation/pricing";
import { expect, test } from "vitest";
import type { LedgerLine } from "../ledger/lines.ts";
import { reconcile } from "./reconcile.ts";
import { readReport } from "./reports.ts";

const DAY = "2026-10-01";
const book = loadPriceBook();
const report = (name: string) =>
  readReport(readFileSync(new URL(`testing/${name}.json`, import.meta.url), "utf8"), name);
const reports = (...names: string[]) => {
  const all = names.map(report);
  return { usages: all.flatMap((one) => one.usages), costs: all.flatMap((one) => one.costs) };
};

function line(provider: string, model: string, calls: number, usage: Usage): LedgerLine {
  const price = book.resolve(provider, model, Date.parse(DAY))!;
  return {
    day: DAY,
    provider,
    model,
    priceId: price.id,
    status: "priced",
    serviceTier: "",
    calls,
    quantities: bucketsOf(usage),
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    picoUsd: book.cost(price, usage),
    byBucket: costsByBucket(bucketsOf(usage), price.entries[0]!),
    requestsPicoUsd: 0n,
    reportedCalls: 0,
    reportedPicoUsd: 0n,
    oursOfReported: 0n,
  };
}

const OURS = [
  line("openai", "gpt-4o-2024-08-06", 100, {
    inputTokens: 1_000_000,
    cacheReadTokens: 200_000,
    outputTokens: 100_000,
    reasoningTokens: 1_000,
  }),
];

test("what the provider counted and we did not, and what it charged otherwise, sum to the difference", () => {
  const [known, unseen] = reconcile(reports("openai-usage", "openai-costs"), OURS, book);
  expect(known).toMatchObject({
    provider: "openai",
    day: DAY,
    model: "gpt-4o",
    calls: { ours: 100, theirs: 110 },
    amounts: {
      input: { ours: 800_000, theirs: 900_000 },
      cache_read: { ours: 200_000, theirs: 200_000 },
      output: { ours: 100_000, theirs: 110_000 },
    },
  });
  // 800,000 × 2.50 + 200,000 × 1.25 + 100,000 × 10 a million.
  expect(formatUsd(known!.cost.ours)).toBe("3.250000000000");
  expect(formatUsd(known!.cost.theirs!)).toBe("3.500000000000");
  // 100,000 × 2.50 + 10,000 × 10 a million more were used, and a tenth of a dollar was taken off.
  expect(formatUsd(known!.usage!)).toBe("0.350000000000");
  expect(formatUsd(known!.price!)).toBe("-0.100000000000");
  // A model of which we have no call: at the list's price all of it is usage.
  expect(unseen).toMatchObject({ model: "gpt-4o-mini", calls: { ours: 0, theirs: 5 }, price: 0n });
  expect(formatUsd(unseen!.usage!)).toBe("0.001050000000");
});

test("Anthropic's: cents, caches by their lifetime, and costs of no model", () => {
  const usage = {
    inputTokens: 570_000,
    cacheReadTokens: 500_000,
    cacheWriteTokens: 30_000,
    cacheWrite1hTokens: 10_000,
    outputTokens: 30_000,
    webSearches: 4,
  };
  // As many small calls: each below the step of the price.
  const ours = line("anthropic", "claude-sonnet-4-5-20250929", 100, usage);
  const cheap = { ...ours, picoUsd: 895_000_000_000n };
  const found = reconcile(reports("anthropic-usage", "anthropic-costs"), [cheap], book);
  expect(found).toHaveLength(2);
  const [noModel, sonnet] = found;
  expect(noModel).toMatchObject({ model: "", calls: { ours: 0, theirs: null }, usage: null });
  expect(formatUsd(noModel!.cost.theirs!)).toBe("0.040000000000");
  expect(sonnet).toMatchObject({ model: "claude-sonnet-4-5", usage: 0n, price: 0n });
  for (const amount of Object.values(sonnet!.amounts)) expect(amount.ours).toBe(amount.theirs);
});

test("without usage nothing is told apart, without costs nothing is compared", () => {
  expect(reconcile(report("openai-costs"), OURS, book)[0]).toMatchObject({
    usage: null,
    price: null,
  });
  expect(reconcile(report("openai-usage"), OURS, book)[0]).toMatchObject({
    cost: { theirs: null },
    usage: null,
  });
});

test("pages as an array and as lines are the same", () => {
  const text = readFileSync(new URL("testing/openai-usage.json", import.meta.url), "utf8");
  const oneLine = JSON.stringify(JSON.parse(text));
  const once = readReport(text, "f").usages;
  expect(readReport(`[${text},${text}]`, "f").usages).toEqual([...once, ...once]);
  expect(readReport(`${oneLine}\n${oneLine}\n`, "f").usages).toEqual([...once, ...once]);
});

test.each([
  ["not json", "expected JSON"],
  ['{"error":{"message":"no key"}}', "expected a page of"],
  [
    readFileSync(new URL("testing/openai-costs.json", import.meta.url), "utf8").replaceAll(
      '"usd"',
      '"eur"',
    ),
    'expected amounts in USD, got "eur"',
  ],
])("%.20s is refused", (text, message) => {
  expect(() => readReport(text, "f.json")).toThrow(message);
});
