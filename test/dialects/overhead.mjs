/**
 * CPU time of calls through one instrumentation, in rounds as they are asked for: a child of test/bench/overhead-child.ts,
 * forked with <instrumentation> <off|full|redacted> <characters> <plain|stream>.
 *
 * The real SDK on a stubbed fetch; telemetry goes to OTLP_URL. Each message is a number of calls to make; the answer is
 * `{"callUs", "totalUs", "longestTurnMs", "heapMiB"}`: microseconds of CPU per call (all threads) until the answer is there,
 * and with everything put off; the longest turn of the event loop, in CPU time of its thread; the heap at the end.
 */
import { createRequire } from "node:module";
import { setUp } from "./setups.mjs";

const require = createRequire(import.meta.url);
const [, , name, content, characters, form] = process.argv;
/** A service comes back to its event loop; after so many calls this one does. */
const CALLS_A_TURN = Number(process.env.CALLS_A_TURN ?? 20);
/** What waits is sent after so many calls, before the queue of any of them is full: what is dropped costs nothing. */
const CALLS_A_FLUSH = 500;

const stream = form === "stream";
const sdk = require("openai");
const { wrap, flush, OpenAI } = await setUp[name]({
  OpenAI: sdk.OpenAI,
  url: process.env.OTLP_URL,
  content,
  logs: true,
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
const cpuUs = (from) => {
  const { user, system } = process.cpuUsage(from);
  return user + system;
};

/** Until it is stopped looks at every turn how much of its thread's time the last one took. */
function watchTurns() {
  let [longestUs, before, watching] = [0, process.threadCpuUsage(), true];
  const look = () => {
    const { user, system } = process.threadCpuUsage(before);
    longestUs = Math.max(longestUs, user + system);
    before = process.threadCpuUsage();
    if (watching) setImmediate(look);
  };
  setImmediate(look);
  return () => {
    watching = false;
    return longestUs / 1_000;
  };
}

async function round(calls) {
  let callUs = 0;
  const start = process.cpuUsage();
  for (let done = 0; done < calls; done += CALLS_A_TURN) {
    const before = process.cpuUsage();
    for (let at = 0; at < CALLS_A_TURN; at++) await call();
    callUs += cpuUs(before);
    await turn();
    if ((done + CALLS_A_TURN) % CALLS_A_FLUSH === 0) await flush();
  }
  await flush();
  return { callUs: callUs / calls, totalUs: cpuUs(start) / calls };
}

process.on("message", async ({ calls, watched }) => {
  const stopWatching = watched ? watchTurns() : () => 0;
  const cost = await round(calls);
  const longestTurnMs = stopWatching();
  // Only where the heap is what is asked for: a collection of everything makes the next round slower.
  globalThis.gc?.();
  process.send({ ...cost, longestTurnMs, heapMiB: process.memoryUsage().heapUsed / 1024 ** 2 });
});
process.on("disconnect", () => process.exit(0));
process.send("ready");
