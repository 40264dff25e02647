/** The contract's behaviours in Vercel's AI SDK, majors 5 to 7, with its provider for OpenAI. */
import { situationsOf } from "./situations.mjs";

export const packages = ["ai", "@ai-sdk/openai"];

const ELSEWHERE =
  "a model that is not asked over fetch is told by the telemetry hook of major 7 alone";

export function situations([sdk, { createOpenAI }], tools) {
  const { collect, until } = tools;
  const openai = createOpenAI({ apiKey: "test", baseURL: tools.url });
  const hasHook = sdk.registerTelemetry !== undefined;
  const optionsOf = ({ model, tools: offered }, { signal, timeoutMs, retries = 0 } = {}) => ({
    model: openai.chat(model),
    prompt: "Count to four.",
    maxRetries: retries,
    ...(signal ? { abortSignal: signal } : {}),
    ...(timeoutMs ? { abortSignal: AbortSignal.timeout(timeoutMs) } : {}),
    ...(offered ? { tools: declared(sdk, offered) } : {}),
  });
  const ask = async (request, options, more) =>
    seen(await sdk.generateText({ ...optionsOf(request, options), ...more }));
  const start = (request, options) =>
    sdk.streamText({ ...optionsOf(request, options), onError: () => undefined });
  /** What never gets a first chunk is an error of the stream here. */
  const stream = async (request, options) => piecesOf(start(request, options));

  return situationsOf(
    {
      chat: ask,
      stream,
      others: {
        plain: () =>
          ask({ model: "plain" }, undefined, {
            temperature: 0.5,
            topP: 0.9,
            seed: 7,
            maxOutputTokens: 100,
          }),
        // The SDK goes on reading for those who may still come.
        "streamed and abandoned": async () => {
          const controller = new AbortController();
          const pieces = await stream({ model: "endless break" }, { signal: controller.signal });
          const first = await collect(pieces, 2);
          controller.abort();
          return [first, await until("cut=endless break")];
        },
        "never consumed": async () => {
          start({ model: "unread" });
          return until("got=unread");
        },
        parse: async () => {
          const schema = sdk.jsonSchema({
            type: "object",
            properties: { answer: { type: "number" } },
          });
          const { object } = await sdk.generateObject({ ...optionsOf({ model: "json" }), schema });
          return object;
        },
        embeddings: async () => {
          const { embeddings } = await sdk.embedMany({
            model: (openai.embeddingModel ?? openai.textEmbeddingModel)("vectors"),
            values: ["Count.", "Again."].slice(0, 1),
          });
          return embeddings;
        },
        "tools run by the SDK": async () => {
          const [weather] = Object.values(declared(sdk, WEATHER));
          const { text, steps } = await sdk.generateText({
            ...optionsOf({ model: "tools run" }),
            tools: { weather: { ...weather, execute: ({ city }) => `sunny in ${city}` } },
            stopWhen: (sdk.isStepCount ?? sdk.stepCountIs)(2),
          });
          return [text, steps.map((step) => step.toolResults.map(({ output }) => output))];
        },
        "another transport": hasHook
          ? async () => {
              const request = { prompt: "Count to four.", maxRetries: 0 };
              const answered = seen(
                await sdk.generateText({ model: acme("transport"), ...request }),
              );
              const streamed = sdk.streamText({ model: acme("transport streamed"), ...request });
              return [answered, await collect(piecesOf(streamed))];
            }
          : { unsupported: ELSEWHERE },
      },
    },
    tools,
  );
}

const WEATHER = [
  {
    function: {
      name: "weather",
      description: "The weather in a city.",
      parameters: { type: "object", properties: { city: { type: "string" } } },
    },
  },
];

function declared({ tool, jsonSchema }, offered) {
  return Object.fromEntries(
    offered.map(({ function: { name, description, parameters } }) => [
      name,
      tool({ description, inputSchema: jsonSchema(parameters) }),
    ]),
  );
}

function seen({ text, finishReason, usage, toolCalls }) {
  const { inputTokens, outputTokens } = usage;
  const calls = toolCalls.map(({ toolName, input }) => [toolName, input]);
  return { text, finishReason, inputTokens, outputTokens, calls };
}

async function* piecesOf({ fullStream }) {
  for await (const part of fullStream) {
    if (part.type === "error") throw part.error;
    if (part.type === "text-delta") yield part.text;
    if (part.type === "tool-call") yield [part.toolName, part.input];
  }
}

/** A model of one's own, which answers without asking anybody. */
function acme(modelId) {
  const usage = {
    inputTokens: { total: 12, noCache: 4, cacheRead: 8, cacheWrite: undefined },
    outputTokens: { total: 9, text: 5, reasoning: 4 },
  };
  const finishReason = { unified: "stop", raw: "end" };
  const parts = [
    { type: "stream-start", warnings: [] },
    { type: "text-start", id: "1" },
    { type: "text-delta", id: "1", delta: "One two three four" },
    { type: "text-end", id: "1" },
    { type: "finish", usage, finishReason },
  ];
  return {
    specificationVersion: "v4",
    provider: "acme.chat",
    modelId,
    supportedUrls: {},
    doGenerate: async () => ({
      content: [{ type: "text", text: "One two three four" }],
      finishReason,
      usage,
      warnings: [],
      response: { id: `id_${modelId}` },
    }),
    doStream: async () => ({ stream: ReadableStream.from(parts) }),
  };
}
