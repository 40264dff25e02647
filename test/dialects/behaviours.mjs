/**
 * What a service sees of the OpenAI SDK through one instrumentation: node behaviours.mjs <instrumentation> <folder of the SDK>
 *
 * Calls a model of its own name in each way that the SDK's users have, and prints what came of it as JSON; errors by
 * their class. MODEL_URL is a model server, OTLP_URL an OTLP/HTTP receiver.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { setUp } from "./setups.mjs";

const [, , name, folder] = process.argv;
const { MODEL_URL, OTLP_URL } = process.env;
const requireSdk = createRequire(join(folder, "main.js"));
const PATIENCE_MS = 3_000;

const seen = {};
let now = "";
process.on("unhandledRejection", () => {
  seen[now] = "an unhandled rejection, which ends the process";
});

const { wrap, flush, OpenAI } = await setUp[name]({
  OpenAI: requireSdk("openai").OpenAI,
  url: OTLP_URL,
  content: "full",
  requireSdk: () => requireSdk("openai"),
});
const client = wrap(
  new (OpenAI ?? requireSdk("openai").OpenAI)({
    apiKey: "test",
    baseURL: MODEL_URL,
    maxRetries: 0,
  }),
);

const messages = [{ role: "user", content: "Count." }];
const chat = (model, more) => client.chat.completions.create({ model, messages, ...more });
const stream = (model) => chat(model, { stream: true });
const ask = (model, more) => client.responses.create({ model, input: "Count.", ...more });

async function collect(iterable, limit = Infinity) {
  const values = [];
  for await (const value of iterable) {
    values.push(value);
    if (values.length >= limit) break;
  }
  return values;
}

async function isCut(model) {
  for (let attempts = 0; attempts < 100; attempts++) {
    const cut = await (await fetch(new URL("/aborted", MODEL_URL))).json();
    if (cut.includes(model)) return "the request is cut off";
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return "the request goes on";
}

const behaviours = {
  create: (model) => chat(model),
  ".withResponse()": async (model) => {
    const { data, response } = await chat(model).withResponse();
    return [data, response.status];
  },
  ".asResponse().json()": async (model) => (await chat(model).asResponse()).json(),
  "chat.completions.parse": (model) => client.chat.completions.parse({ model, messages }),
  "a stream, whole": async (model) => collect(await stream(model)),
  "a stream, .withResponse()": async (model) => {
    const { data, response } = await stream(model).withResponse();
    return [response.status, await collect(data)];
  },
  "a stream, left after two chunks": async (model) => {
    const chunks = await collect(await stream(`${model} endless`), 2);
    return [chunks, await isCut(`${model} endless`)];
  },
  "stream.controller.abort()": async (model) => {
    const open = await stream(`${model} endless`);
    const chunks = [];
    for await (const chunk of open) if (chunks.push(chunk) === 2) open.controller.abort();
    return [chunks, await isCut(`${model} endless`)];
  },
  "a stream that breaks off": async (model) => {
    const chunks = [];
    try {
      for await (const chunk of await stream(`${model} broken`)) chunks.push(chunk);
    } catch (error) {
      return [chunks.length > 0, error.constructor.name];
    }
    return "it ended well";
  },
  "a stream that nobody reads": async (model) => {
    await stream(model);
    return "let go";
  },
  "stream.tee()": async (model) => {
    const [left, right] = (await stream(model)).tee();
    return Promise.all([collect(left), collect(right)]);
  },
  "chat.completions.stream()": (model) =>
    client.chat.completions.stream({ model, messages }).finalChatCompletion(),
  "a stream of responses, .withResponse()": async (model) => {
    const { data, response } = await ask(model, { stream: true }).withResponse();
    return [response.status, await collect(data)];
  },
  "responses.stream()": (model) =>
    client.responses.stream({ model, input: "Count." }).finalResponse(),
};

for (const [behaviour, run] of Object.entries(behaviours)) {
  now = behaviour;
  const outcome = await attempt(() => run(`model of ${behaviour}`));
  // What goes wrong a moment later belongs to it too.
  await new Promise((resolve) => setTimeout(resolve, 10));
  seen[behaviour] ??= outcome;
}
for (let round = 0; round < 10; round++) {
  globalThis.gc();
  await new Promise((resolve) => setTimeout(resolve, 5));
}
await flush();
process.stdout.write(JSON.stringify(seen), () => process.exit(0));

async function attempt(run) {
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, "nothing came").unref());
  try {
    const value = await Promise.race([run(), late]);
    return JSON.parse(JSON.stringify(value ?? null));
  } catch (error) {
    return `${error.constructor.name}: ${error.message}`;
  }
}
