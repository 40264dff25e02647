/** What the contract's behaviours are in the Anthropic SDK. */
export const packages = ["@anthropic-ai/sdk"];

const messages = [{ role: "user", content: "Count to four." }];
const tools = [
  {
    name: "weather",
    description: "The weather in a city.",
    input_schema: { type: "object", properties: { city: { type: "string" } } },
  },
];

export function situations([{ Anthropic }], { url, within, collect, errorOf, until }) {
  const client = new Anthropic({ apiKey: "test", baseURL: url, maxRetries: 0 });
  const body = (model, more) => ({ model, max_tokens: 100, messages, ...more });
  const create = (model, more, options) => client.messages.create(body(model, more), options);
  const stream = (model, more, options) => create(model, { stream: true, ...more }, options);

  return {
    plain: () =>
      create("plain", {
        system: "Be brief.",
        temperature: 0.5,
        top_p: 0.9,
        top_k: 4,
        stop_sequences: ["five"],
      }),
    streamed: async () => collect(await stream("streamed")),
    "streamed and abandoned": async () => [
      await collect(await stream("endless break"), 4),
      await until("cut=endless break"),
    ],
    "broken off mid-stream": async () => {
      const events = [];
      const read = async () => {
        for await (const event of await stream("broken")) events.push(event);
      };
      return [await errorOf(read()), events.length > 0];
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
        if (events.push(event) === 4) controller.abort();
      return [events.length, await until("cut=endless signal")];
    },
    "timed out": () => errorOf(create("hang timeout", {}, { timeout: 60 })),
    "retried by the SDK": () => create("overloaded", {}, { maxRetries: 2 }),
    "error status": () => errorOf(create("refused")),
    "error event": async () => {
      const read = async () => collect(await stream("fails"));
      return errorOf(read());
    },
    "tool calls": () =>
      create("tools", {
        tools,
        messages: [
          ...messages,
          {
            role: "assistant",
            content: [
              { type: "tool_use", id: "toolu_0", name: "weather", input: { city: "Rome" } },
            ],
          },
          {
            role: "user",
            content: [
              {
                type: "tool_result",
                tool_use_id: "toolu_0",
                content: [{ type: "text", text: "sunny" }],
              },
            ],
          },
        ],
      }),
    "tool calls, streamed": async () => collect(await stream("tools streamed", { tools })),
    thinking: async () =>
      collect(
        await stream("thinking", {
          thinking: { type: "enabled", budget_tokens: 1024 },
          max_tokens: 2000,
        }),
      ),
    parse: async () => {
      const format = { type: "json_schema", schema: {}, parse: (text) => JSON.parse(text) };
      const answer = await client.messages.parse(body("json", { output_config: { format } }));
      return [answer, answer.parsed_output];
    },
    "with response": async () => {
      const { data, response, request_id } = await create("with response").withResponse();
      return [data, response.status, request_id, response.bodyUsed];
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
      const helper = client.messages.stream(body("helper")).on("text", (text) => texts.push(text));
      return [await helper.finalMessage(), texts];
    },
    beta: () => client.beta.messages.create(body("beta", { betas: ["some-beta-2025-01-01"] })),
    "beta, helper": async () => client.beta.messages.stream(body("beta helper")).finalMessage(),
    "counting tokens": () => client.messages.countTokens({ model: "count", messages }),
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
    ],
    "usage missing from the stream": async () => collect(await stream("silent")),
  };
}
