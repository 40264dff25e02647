/**
 * What services do with the SDK. Each situation returns everything that the service can see of it, in a form that
 * compares: it must be the same with and without instrumentation. How many chunks come together in one packet is the
 * network's business, so where a stream is cut they are not counted.
 */
import type OpenAI from "openai";

export interface Situation {
  (client: OpenAI, model: string, server: { aborted(): Promise<string[]> }): Promise<unknown>;
}

const messages = [
  { role: "system" as const, content: "Be brief." },
  { role: "user" as const, content: "Count to six." },
];
const tools = [
  {
    type: "function" as const,
    function: {
      name: "weather",
      description: "The weather",
      parameters: { type: "object", properties: { city: { type: "string" } } },
    },
  },
];

async function collect(stream: AsyncIterable<unknown>, limit = Infinity): Promise<unknown[]> {
  const seen: unknown[] = [];
  for await (const chunk of stream) {
    seen.push(chunk);
    if (seen.length >= limit) break;
  }
  return seen;
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  try {
    return { value: await work };
  } catch (error) {
    const { name, message, status, constructor } = error as Error & { status?: number };
    return { name, message, status, class: constructor.name };
  }
}

/** Polls: the server learns of a closed connection a moment after the client closed it. */
async function untilAborted(
  model: string,
  server: { aborted(): Promise<string[]> },
): Promise<boolean> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if ((await server.aborted()).includes(model)) return true;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return false;
}

export const SITUATIONS: Readonly<Record<string, Situation>> = {
  plain: (client, model) =>
    client.chat.completions.create({ model, messages, temperature: 0.2, max_tokens: 50 }),
  "with response": async (client, model) => {
    const { data, response, request_id } = await client.chat.completions
      .create({ model, messages })
      .withResponse();
    return { data, status: response.status, request_id, used: response.bodyUsed };
  },
  "raw response, json": async (client, model) => {
    const response = await client.chat.completions.create({ model, messages }).asResponse();
    return { used: response.bodyUsed, body: await response.json() };
  },
  "raw response, body": async (client, model) => {
    const response = await client.chat.completions.create({ model, messages }).asResponse();
    const chunks: string[] = [];
    for await (const chunk of response.body!) chunks.push(Buffer.from(chunk).toString());
    return chunks.join("");
  },
  "raw response, then parsed": async (client, model) => {
    const promise = client.chat.completions.create({ model, messages });
    const response = await promise.asResponse();
    return { status: response.status, data: await promise };
  },
  "awaited twice": async (client, model) => {
    const promise = client.chat.completions.create({ model, messages });
    const [first, second] = [await promise, await promise];
    return { first, same: first === second };
  },
  "parse json": async (client, model) => {
    const answer = await client.chat.completions.parse({
      model,
      messages,
      response_format: {
        type: "json_schema",
        json_schema: { name: "a", strict: true, schema: {} },
      },
    });
    return { answer, parsed: answer.choices[0]?.message.parsed };
  },
  "tool calls": (client, model) => client.chat.completions.create({ model, messages, tools }),
  "stream, full": async (client, model) =>
    collect(await client.chat.completions.create({ model, messages, stream: true })),
  "stream, with usage": async (client, model) =>
    collect(
      await client.chat.completions.create({
        model,
        messages,
        stream: true,
        stream_options: { include_usage: true },
      }),
    ),
  "stream, tool calls": async (client, model) =>
    collect(await client.chat.completions.create({ model, messages, tools, stream: true })),
  "stream, empty-choices": async (client, model) =>
    collect(
      await client.chat.completions.create({
        model,
        messages,
        stream: true,
        stream_options: { include_usage: true },
      }),
    ),
  "stream, with response": async (client, model) => {
    const { data, response } = await client.chat.completions
      .create({ model, messages, stream: true })
      .withResponse();
    return { status: response.status, chunks: await collect(data) };
  },
  "stream, endless, break": async (client, model, server) => {
    const chunks = await collect(
      await client.chat.completions.create({ model, messages, stream: true }),
      2,
    );
    return { chunks, aborted: await untilAborted(model, server) };
  },
  "stream, endless, abort": async (client, model, server) => {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    const chunks: unknown[] = [];
    for await (const chunk of stream) {
      chunks.push(chunk);
      if (chunks.length === 2) stream.controller.abort();
    }
    return { atLeastTwo: chunks.length >= 2, aborted: await untilAborted(model, server) };
  },
  "stream, endless, signal": async (client, model, server) => {
    const controller = new AbortController();
    const stream = await client.chat.completions.create(
      { model, messages, stream: true },
      { signal: controller.signal },
    );
    const chunks: unknown[] = [];
    const error = await errorOf(
      (async () => {
        for await (const chunk of stream) {
          chunks.push(chunk);
          if (chunks.length === 2) controller.abort();
        }
      })(),
    );
    return { atLeastTwo: chunks.length >= 2, error, aborted: await untilAborted(model, server) };
  },
  "stream, broken": async (client, model) => {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    const seen: unknown[] = [];
    const error = await errorOf(
      (async () => {
        for await (const chunk of stream) seen.push(chunk);
      })(),
    );
    return { some: seen.length > 0, error };
  },
  "stream, error-event": async (client, model) => {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    return errorOf(collect(stream));
  },
  "stream, never read": async (client, model) => {
    await client.chat.completions.create({ model, messages, stream: true });
    return "dropped";
  },
  "stream, read twice": async (client, model) => {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    return { first: await collect(stream), second: await errorOf(collect(stream)) };
  },
  "stream, tee": async (client, model) => {
    const [left, right] = (
      await client.chat.completions.create({ model, messages, stream: true })
    ).tee();
    return Promise.all([collect(left), collect(right)]);
  },
  "stream, readable": async (client, model) => {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    const text: string[] = [];
    for await (const chunk of stream.toReadableStream() as unknown as AsyncIterable<Uint8Array>)
      text.push(Buffer.from(chunk).toString());
    return text;
  },
  "stream, helper": async (client, model) => {
    const events: string[] = [];
    const stream = client.chat.completions.stream({ model, messages });
    stream.on("content", (delta) => events.push(delta));
    return { final: await stream.finalChatCompletion(), events };
  },
  "stream, by hand": async (client, model) => {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    const iterator = stream[Symbol.asyncIterator]();
    const first = await iterator.next();
    const tag = Object.prototype.toString.call(iterator);
    const end = await iterator.return?.("stopped");
    return { first, tag, end, keys: Object.keys(stream) };
  },
  "text completion": (client, model) => client.completions.create({ model, prompt: "Count" }),
  embeddings: async (client, model) => client.embeddings.create({ model, input: ["one", "two"] }),
  "embeddings, floats": async (client, model) =>
    errorOf(client.embeddings.create({ model, input: "one", encoding_format: "base64" })),
  "responses, plain": (client, model) =>
    client.responses.create({ model, instructions: "Be brief.", input: "Count to six." }),
  "responses, stream": async (client, model) =>
    collect(await client.responses.create({ model, input: "Count to six.", stream: true })),
  "responses, stream, break": async (client, model) =>
    collect(await client.responses.create({ model, input: "Count to six.", stream: true }), 5),
  "responses, helper": async (client, model) =>
    (await client.responses.stream({ model, input: "Count to six." }).finalResponse()).output_text,
  "responses, with response": async (client, model) => {
    const { data, response } = await client.responses
      .create({ model, input: "Count to six." })
      .withResponse();
    return { text: data.output_text, status: response.status };
  },
  "limited, then answered": (client, model) =>
    client.chat.completions.create({ model, messages }, { maxRetries: 2 }),
  unauthorized: (client, model) => errorOf(client.chat.completions.create({ model, messages })),
  "unauthorized, derived": (client, model) =>
    errorOf(client.chat.completions.parse({ model, messages })),
  "hang, timeout": (client, model) =>
    errorOf(client.chat.completions.create({ model, messages }, { timeout: 60, maxRetries: 0 })),
  "bad arguments": (client, model) =>
    errorOf(
      (async () => client.chat.completions.create(undefined as never, { headers: { model } }))(),
    ),
  "nobody listens to the error, unauthorized": async (client, model) => {
    let unhandled = 0;
    const count = (): number => unhandled++;
    process.on("unhandledRejection", count);
    // oxlint-disable-next-line no-floating-promises -- that is the situation
    void client.chat.completions.create({ model, messages }).then(() => undefined);
    for (let attempt = 0; attempt < 100 && unhandled === 0; attempt++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    process.off("unhandledRejection", count);
    return unhandled;
  },
  "promise's shape": async (client, model) => {
    const promise = client.chat.completions.create({ model, messages });
    const shape = {
      tag: Object.prototype.toString.call(promise),
      class: promise.constructor.name,
      promise: promise instanceof Promise,
    };
    await promise;
    return shape;
  },
};
