/**
 * `assay what-if replay`: a sample of recorded calls asked again of another model, after saying what that will cost. The
 * answers go to the collector as traces of the environment `what-if` (docs/models.md).
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { readDay, readOptions } from "@assay/clickhouse";
import { type Price, type PriceBook, formatUsd } from "@assay/instrumentation/pricing";
import { ratioOfSums } from "@assay/statistics/ratio";
import { createStore } from "../store.ts";
import { type Candidate, askCandidate } from "./candidate.ts";
import { ENVIRONMENT, type Replayed, releaseOf, traceOf } from "./otlp.ts";
import { type RecordedCall, readSample } from "./sample.ts";

const USAGE =
  "expected: what-if replay --candidate PROVIDER/MODEL --url URL --from DAY --to DAY [--key-env NAME] [--project P] [--model M] [--sample N] [--max-usd USD] [--yes]";
const MOST = 1_000;
const AT_ONCE = 4;

export interface ReplayOptions {
  book: PriceBook;
  connect: () => Promise<ClickHouseClient>;
  /** The collector's OTLP/HTTP address, `http://127.0.0.1:4318/v1/traces`. */
  otlpUrl: string;
  print: (line: string) => void;
  env: NodeJS.ProcessEnv;
}

interface Asked {
  candidate: Candidate;
  fromMs: number;
  toMs: number;
  project: string | undefined;
  model: string | undefined;
  size: number;
  maxPicoUsd: bigint | undefined;
  yes: boolean;
}

/** @throws with a sentence for the user */
export async function runReplayCommand(
  args: readonly string[],
  { book, connect, otlpUrl, print, env }: ReplayOptions,
): Promise<void> {
  const asked = questionOf(args, env);
  const client = await connect();
  try {
    const store = createStore(client);
    const { calls, leftOut } = await readSample(store, asked);
    if (calls.length === 0)
      throw new Error("expected calls with stored prompts of text in that time, found none");
    const price = book.resolve(asked.candidate.provider, asked.candidate.model, Date.now());
    estimate(calls, leftOut, price, book).forEach(print);
    if (!asked.yes) return print("Nothing was asked. With --yes it is.");
    const replayed = await replayAll(calls, asked, price, book, otlpUrl);
    report(replayed, asked, price, book).forEach(print);
  } finally {
    await client.close();
  }
}

function questionOf(args: readonly string[], env: NodeJS.ProcessEnv): Asked {
  const { values, flags, rest } = readOptions(args, {
    values: [
      "--candidate",
      "--url",
      "--key-env",
      "--from",
      "--to",
      "--project",
      "--model",
      "--sample",
      "--max-usd",
    ],
    flags: ["--yes"],
    usage: USAGE,
  });
  if (rest.length !== 1 || rest[0] !== "replay") throw new Error(USAGE);
  const [fromMs, toMs] = [
    readDay("--from", values.get("--from")),
    readDay("--to", values.get("--to")),
  ];
  if (fromMs >= toMs) throw new Error("expected --from before --to");
  const size = Number(values.get("--sample") ?? 50);
  if (!Number.isInteger(size) || size < 1 || size > MOST)
    throw new Error(`--sample: expected a whole number from 1 to ${MOST}`);
  return {
    candidate: candidateOf(values, env),
    fromMs,
    toMs,
    project: values.get("--project"),
    model: values.get("--model"),
    size,
    maxPicoUsd: mostOf(values.get("--max-usd")),
    yes: flags.has("--yes"),
  };
}

function candidateOf(values: ReadonlyMap<string, string>, env: NodeJS.ProcessEnv): Candidate {
  const name = values.get("--candidate") ?? "";
  const slash = name.indexOf("/");
  if (slash <= 0 || slash === name.length - 1)
    throw new Error(`--candidate: expected provider/model, got "${name}"`);
  const url = values.get("--url") ?? "";
  if (!/^https?:\/\//.test(url)) throw new Error(`--url: expected http(s)://…, got "${url}"`);
  const variable = values.get("--key-env");
  const key = variable === undefined ? undefined : env[variable];
  if (variable !== undefined && !key)
    throw new Error(`--key-env: expected a key in the variable "${variable}", which is not set`);
  return { provider: name.slice(0, slash), model: name.slice(slash + 1), url, key };
}

function mostOf(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const usd = Number(text);
  if (!(usd > 0)) throw new Error(`--max-usd: expected an amount above 0, got "${text}"`);
  return BigInt(Math.round(usd * 1e6)) * 1_000_000n;
}

function estimate(
  calls: readonly RecordedCall[],
  leftOut: number,
  price: Price | undefined,
  book: PriceBook,
): string[] {
  const sample = `${calls.length} recorded calls${leftOut > 0 ? ` (${leftOut} others of the sample have tools, files or cut content)` : ""}, which cost ${formatUsd(sum(calls, ({ picoUsd }) => picoUsd))} USD`;
  if (price === undefined)
    return [
      sample,
      "The price book has no price for the candidate: what asking it costs is not known (ASSAY_PRICES).",
    ];
  const cost = sum(calls, ({ inputTokens, outputTokens }) =>
    book.cost(price, { inputTokens, outputTokens }),
  );
  return [
    sample,
    `Asking the candidate costs about ${formatUsd(cost)} USD, if it makes as many tokens of them and answers at the same length.`,
  ];
}

/** A few at a time, until all are asked or the money is spent. */
async function replayAll(
  calls: readonly RecordedCall[],
  { candidate, maxPicoUsd }: Asked,
  price: Price | undefined,
  book: PriceBook,
  otlpUrl: string,
): Promise<Replayed[]> {
  const replayed: Replayed[] = [];
  let spent = 0n;
  const queue = [...calls];
  const work = async (): Promise<void> => {
    for (let call = queue.shift(); call !== undefined; call = queue.shift()) {
      if (maxPicoUsd !== undefined && spent >= maxPicoUsd) return;
      const one = { call, answer: await askCandidate(candidate, call) };
      spent += costOf(one, price, book) ?? 0n;
      await send(otlpUrl, traceOf(candidate, one));
      replayed.push(one);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return replayed;
}

async function send(url: string, trace: unknown): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(trace),
  });
  if (response.ok) return;
  throw new Error(`the collector at ${url}: expected 200, got ${response.status}`);
}

function costOf(
  { answer }: Replayed,
  price: Price | undefined,
  book: PriceBook,
): bigint | undefined {
  if (price === undefined || answer.usage === undefined) return undefined;
  const { input, output, cached, reasoning } = answer.usage;
  return book.cost(price, {
    inputTokens: input,
    outputTokens: output,
    cacheReadTokens: cached,
    reasoningTokens: reasoning,
  });
}

function report(
  replayed: readonly Replayed[],
  { candidate }: Asked,
  price: Price | undefined,
  book: PriceBook,
): string[] {
  const answered = replayed.filter(({ answer }) => answer.text !== undefined);
  const known = answered.filter(({ answer }) => answer.usage !== undefined);
  const before = sum(known, ({ call }) => call.picoUsd);
  const after = sum(known, (one) => costOf(one, price, book) ?? 0n);
  return [
    `${answered.length} answered, ${replayed.length - answered.length} failed.`,
    ...(price && known.length > 0
      ? [`Cost of the same calls: ${formatUsd(before)} -> ${formatUsd(after)} USD.`]
      : []),
    ...ratios(known),
    `Median time: ${median(answered.map(({ call }) => call.durationMs))} -> ${median(answered.map(({ answer }) => answer.durationMs))} ms.`,
    `The answers are in environment "${ENVIRONMENT}", release "${releaseOf(candidate)}". A rule of ASSAY_JUDGE that takes this environment judges them; /api/v1/quality?environment=${ENVIRONMENT}&by=release then has the scores.`,
  ];
}

/** On the same prompts, so that nothing but the tokenizer and the length of answers is in it. */
function ratios(known: readonly Replayed[]): string[] {
  const line = (
    what: string,
    before: (call: RecordedCall) => number,
    after: (usage: NonNullable<Replayed["answer"]["usage"]>) => number,
  ): string[] => {
    const pairs = known.map(({ call, answer }) => ({ x: before(call), y: after(answer.usage!) }));
    const total = (of: (pair: { x: number; y: number }) => number): number =>
      pairs.reduce((all, pair) => all + of(pair), 0);
    const sums = {
      n: pairs.length,
      x: total(({ x }) => x),
      y: total(({ y }) => y),
      xx: total(({ x }) => x * x),
      yy: total(({ y }) => y * y),
      xy: total(({ x, y }) => x * y),
    };
    const found = sums.x > 0 ? ratioOfSums(sums) : undefined;
    if (!found) return [];
    const spread = 1.96 * found.standardError;
    return [
      `${what}: ${found.ratio.toFixed(3)} of one (95 %: ${Math.max(0, found.ratio - spread).toFixed(3)} to ${(found.ratio + spread).toFixed(3)}).`,
    ];
  };
  return [
    ...line(
      "Input tokens",
      ({ inputTokens }) => inputTokens,
      ({ input }) => input,
    ),
    ...line(
      "Output tokens",
      ({ outputTokens }) => outputTokens,
      ({ output }) => output,
    ),
  ];
}

function sum<T>(items: readonly T[], of: (item: T) => bigint): bigint {
  return items.reduce((all, item) => all + of(item), 0n);
}

function median(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.length === 0 ? "–" : sorted[Math.floor((sorted.length - 1) / 2)]!.toFixed(0);
}
