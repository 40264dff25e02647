/**
 * CPU time of calls through one instrumentation: node overhead.mjs <instrumentation> <content|off> <characters> <plain|stream> <calls>
 *
 * The real SDK on a stubbed fetch; spans go to OTLP_URL. Prints `{"callUs", "totalUs", "heapMiB", "heldMs"}`: microseconds
 * of CPU per call (all threads) until the answer is there, and with everything put off, of the best of ten rounds, so that compiling
 * is not part of it; the heap after each round; the longest that the event loop was held after the first.
 */
import { createRequire } from "node:module";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setUp } from "./setups.mjs";

const require = createRequire(import.meta.url);
const [, , name, content, characters, form, calls] = process.argv;
const ROUNDS = 10;
/** A service comes back to its event loop; after so many calls this one does. */
const CALLS_A_TURN = 20;

const stream = form === "stream";
const sdk = require("openai");
const { wrap, flush, OpenAI } = await setUp[name]({
  OpenAI: sdk.OpenAI,
  url: process.env.OTLP_URL,
  content: content === "content",
});
const client = wrap(
  new (OpenAI ?? sdk.OpenAI)({ apiKey: "bench", maxRetries: 0, fetch: async () => answer() }),
);

const prompt = "When do trains leave for the coast? "
  .repeat(Number(characters) / 36 + 1)
  .slice(0, Number(characters));
const body = { model: "gpt-4o-mini", messages: [{ role: "user", content: prompt }] };
if (stream) Object.assign(body, { stream, stream_options: { include_usage: true } });

const PLAIN = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "gpt-4o-mini",
  choices: [
    { index: 0, message: { role: "assistant", content: "At six." }, finish_reason: "stop" },
  ],
  usage: { prompt_tokens: 20, completion_tokens: 3, total_tokens: 23 },
});
const chunk = (choices, usage) =>
  `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-4o-mini", choices, ...usage })}\n\n`;
const EVENTS = [
  ...Array.from({ length: 50 }, (_, at) =>
    chunk([{ index: 0, delta: { content: "word " }, finish_reason: at === 49 ? "stop" : null }]),
  ),
  chunk([], { usage: { prompt_tokens: 20, completion_tokens: 50, total_tokens: 70 } }),
  "data: [DONE]\n\n",
].join("");

function answer() {
  const type = stream ? "text/event-stream" : "application/json";
  return new Response(stream ? EVENTS : PLAIN, { headers: { "content-type": type } });
}

async function call() {
  const result = await client.chat.completions.create(body);
  if (stream) for await (const event of result) void event;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const us = (from, count) => {
  const { user, system } = process.cpuUsage(from);
  return (user + system) / count;
};

const best = { callUs: Infinity, totalUs: Infinity };
const perRound = Math.ceil(Number(calls) / ROUNDS);
const heapMiB = [];
const delay = monitorEventLoopDelay({ resolution: 1 });
for (let round = 0; round < ROUNDS; round++) {
  if (round === 1) delay.enable();
  let callUs = 0;
  const start = process.cpuUsage();
  for (let done = 0; done < perRound; done += CALLS_A_TURN) {
    const before = process.cpuUsage();
    for (let at = 0; at < CALLS_A_TURN; at++) await call();
    callUs += us(before, perRound);
    await turn();
  }
  await flush();
  best.totalUs = Math.min(best.totalUs, us(start, perRound));
  best.callUs = Math.min(best.callUs, callUs);
  // Only where the heap is what is asked for: a collection of everything makes the next round slower.
  globalThis.gc?.();
  heapMiB.push(process.memoryUsage().heapUsed / 1024 ** 2);
}
delay.disable();
process.stdout.write(`${JSON.stringify({ ...best, heapMiB, heldMs: delay.max / 1e6 })}\n`);
process.exit(0);
