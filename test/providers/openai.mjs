/** What the contract's behaviours are in the OpenAI SDK, majors 4 to 7. */
export const packages = ["openai"];

const messages = [{ role: "user", content: "Count to four." }];
const tools = [
  {
    type: "function",
    function: {
      name: "weather",
      description: "The weather in a city.",
      parameters: { type: "object", properties: { city: { type: "string" } } },
    },
  },
];
const schema = { name: "answer", strict: true, schema: {} };
const format = { type: "json_schema", json_schema: schema };

export function situations([{ OpenAI, AzureOpenAI, toFile }], tools_) {
  const { url, within, collect, errorOf, until } = tools_;
  const client = new OpenAI({ apiKey: "test", baseURL: url, maxRetries: 0 });
  const body = (model, more) => ({ model, messages, ...more });
  const create = (model, more, options) =>
    client.chat.completions.create(body(model, more), options);
  const stream = (model, more, options) => create(model, { stream: true, ...more }, options);
  const ask = (model, more) =>
    client.responses.create({ model, input: "Count to four.", instructions: "Be brief.", ...more });
  // Helpers were in beta until major 5.
  const helpers = client.chat.completions.parse ? client.chat : client.beta.chat;
  /** Of a host that is not there: what is sent to it comes to the server of the test. */
  const elsewhere = async (address, init) => {
    const { pathname } = new URL(address?.url ?? address);
    return fetch(new URL(pathname, url), init);
  };
  const sound = () => toFile(Buffer.from("sound"), "speech.mp3", { type: "audio/mpeg" });

  return {
    plain: () =>
      create("plain", { temperature: 0.5, top_p: 0.9, max_tokens: 100, stop: "five", seed: 7 }),
    streamed: async () => collect(await stream("streamed")),
    "streamed and abandoned": async () => [
      await collect(await stream("endless break"), 3),
      await until("cut=endless break"),
    ],
    "broken off mid-stream": async () => {
      const events = [];
      const read = async () => {
        for await (const event of await stream("broken")) events.push(event);
      };
      return [(await errorOf(read())).class, events.length > 0];
    },
    "never consumed": async () => {
      await stream("unread");
      return "let go";
    },
    "aborted by signal": async () => {
      const controller = new AbortController();
      const answer = create("hang signal", {}, { signal: controller.signal });
      void until("got=hang signal").then(() => controller.abort());
      return [await errorOf(answer), await until("cut=hang signal")];
    },
    "aborted by signal, streamed": async () => {
      const controller = new AbortController();
      const events = [];
      for await (const event of await stream("endless signal", {}, { signal: controller.signal }))
        if (events.push(event) === 3) controller.abort();
      return [events.length > 2, await until("cut=endless signal")];
    },
    "timed out": () => errorOf(create("hang timeout", {}, { timeout: 60 })),
    "retried by the SDK": () => create("overloaded", {}, { maxRetries: 2 }),
    "error status": () => errorOf(create("refused")),
    "tool calls": () => create("tools", { tools }),
    "tool calls, streamed": async () => collect(await stream("tools streamed", { tools })),
    parse: async () => {
      const answer = await helpers.completions.parse(body("json", { response_format: format }));
      return [answer, answer.choices[0].message.parsed];
    },
    "with response": async () => {
      const { data, response } = await create("with response").withResponse();
      return [data, response.status, response.bodyUsed];
    },
    "with response, streamed": async () => {
      const { data, response } = await stream("with response streamed").withResponse();
      return [response.status, await collect(data)];
    },
    "raw response": async () => {
      const response = await create("raw response").asResponse();
      return [response.bodyUsed, await response.json()];
    },
    "helper stream": async () => {
      const texts = [];
      const helper = helpers.completions
        .stream(body("helper"))
        .on("content", (text) => texts.push(text));
      return [await helper.finalContent(), texts];
    },
    responses: () => ask("responses", { temperature: 0.5, max_output_tokens: 100 }),
    "responses, streamed": async () => collect(await ask("responses streamed", { stream: true })),
    "responses, parse": async () => {
      const text = { format: { type: "json_schema", ...schema } };
      return (await client.responses.parse({ model: "responses json", input: "Count.", text }))
        .output_parsed;
    },
    "responses, helper": async () => {
      const helper = client.responses.stream({ model: "responses helper", input: "Count." });
      return (await helper.finalResponse()).output_text;
    },
    completions: () => client.completions.create({ model: "text", prompt: "Count to four." }),
    embeddings: () =>
      client.embeddings.create({
        model: "vectors",
        input: ["Count.", "Again."],
        encoding_format: "float",
      }),
    images: async () => [
      await client.images.generate({ model: "picture", prompt: "A cat." }),
      await client.images.edit({ model: "picture edited", prompt: "A dog.", image: await sound() }),
    ],
    "images, streamed": client.chat.completions.parse
      ? async () =>
          collect(
            await client.images.generate({ model: "picture", prompt: "A cat.", stream: true }),
          )
      : { unsupported: "the SDK has no such method" },
    speech: async () => {
      const response = await client.audio.speech.create({
        model: "voice",
        voice: "ash",
        input: "Hello.",
      });
      return Buffer.from(await response.arrayBuffer()).toString();
    },
    "transcriptions and translations": async () => [
      await client.audio.transcriptions.create({ model: "ear", file: await sound() }),
      await client.audio.translations.create({ model: "ear translating", file: await sound() }),
    ],
    Azure: () => {
      const azure = new AzureOpenAI({
        endpoint: "https://mine.openai.azure.com",
        apiKey: "test",
        apiVersion: "2024-10-21",
        deployment: "azure",
        fetch: elsewhere,
      });
      return azure.chat.completions.create(body("azure"));
    },
    "another provider's address": () => {
      const other = new OpenAI({
        apiKey: "test",
        baseURL: "https://api.deepseek.com/v1",
        fetch: elsewhere,
      });
      return other.chat.completions.create(body("elsewhere"));
    },
    "concurrent calls": () =>
      Promise.all(
        ["a", "b", "c"].map((letter) =>
          within(`concurrent calls ${letter}`, async () => [
            await create(`concurrent ${letter}`),
            await collect(await stream(`concurrent stream ${letter}`)),
          ]),
        ),
      ),
    "cached and reasoning tokens": async () => [
      await create("cached"),
      await collect(await stream("cached streamed")),
      await ask("cached response"),
    ],
    "usage missing from the stream": async () => collect(await stream("silent")),
  };
}
