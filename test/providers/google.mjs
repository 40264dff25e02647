/** The contract's behaviours in Google's Gen AI SDK. */
import { situationsOf } from "./situations.mjs";

export const packages = ["@google/genai"];

export function situations([{ GoogleGenAI }], tools) {
  const { url, collect, errorOf, until } = tools;
  const client = new GoogleGenAI({ apiKey: "test", httpOptions: { baseUrl: url } });
  const once = { attempts: 1 };
  const twice = { attempts: 2, initialDelay: 0.001, maxDelay: 0.002, jitter: 0 };
  const parametersOf = ({ model, tools: offered }, { signal, timeoutMs, retries } = {}, more) => ({
    model,
    contents: "Count to four.",
    config: {
      ...(signal ? { abortSignal: signal } : {}),
      ...(offered ? { tools: [{ functionDeclarations: offered.map(declared) }] } : {}),
      httpOptions: {
        retryOptions: retries ? twice : once,
        ...(timeoutMs ? { timeout: timeoutMs } : {}),
      },
      ...more,
    },
  });
  const ask = async (request, options, more) =>
    seen(await client.models.generateContent(parametersOf(request, options, more)));
  const stream = async (request, options, more) =>
    client.models.generateContentStream(parametersOf(request, options, more));
  /** Of a host that is not there: what is sent to it comes to the server of the test. */
  const elsewhere = (address, init) => {
    const { pathname, search } = new URL(address?.url ?? address);
    return fetch(new URL(pathname + search, url), init);
  };
  const at = async (options) => {
    const other = new GoogleGenAI({
      apiKey: "test",
      httpOptions: { fetch: elsewhere },
      ...options,
    });
    return seen(await other.models.generateContent({ model: "elsewhere", contents: "Count." }));
  };

  return situationsOf(
    {
      chat: ask,
      stream: async (request, options) => seenOf(await stream(request, options)),
      patched: true,
      others: {
        plain: () =>
          ask({ model: "plain" }, undefined, {
            systemInstruction: "Be brief.",
            temperature: 0.5,
            topP: 0.9,
            topK: 4,
            maxOutputTokens: 100,
            stopSequences: ["five"],
            seed: 7,
          }),
        // Leaving the loop is not enough: the SDK lets go of the body and leaves it open.
        "streamed and abandoned": async () => {
          const controller = new AbortController();
          const answer = await stream({ model: "endless break" }, { signal: controller.signal });
          const pieces = await collect(seenOf(answer), 2);
          controller.abort();
          return [pieces, await until("cut=endless break")];
        },
        "error event": async () => {
          const read = async () => collect(await stream({ model: "fails" }));
          return (await errorOf(read())).class;
        },
        thinking: async () => collect(seenOf(await stream({ model: "thinking" }))),
        blocked: () => ask({ model: "blocked" }),
        "cached and reasoning tokens": async () => [
          await ask({ model: "cached" }),
          await collect(seenOf(await stream({ model: "cached streamed" }))),
        ],
        chats: async () => {
          const chat = client.chats.create({ model: "chat" });
          const first = seen(await chat.sendMessage({ message: "Count to four." }));
          const rest = await chat.sendMessageStream({ message: "Again." });
          return [first, await collect(seenOf(rest))];
        },
        "functions called by the SDK": () => {
          const weather = {
            tool: async () => ({ functionDeclarations: [{ name: "weather" }] }),
            callTool: async () => [
              { functionResponse: { name: "weather", response: { output: "sunny" } } },
            ],
          };
          return ask({ model: "functions" }, undefined, { tools: [weather] });
        },
        embeddings: async () => {
          const { embeddings } = await client.models.embedContent({
            model: "vectors",
            contents: ["Count.", "Again."],
            config: { outputDimensionality: 3 },
          });
          return embeddings;
        },
        "the Gemini API by its host": () => at({}),
        "Vertex by its host": () => at({ vertexai: true }),
      },
    },
    tools,
  );
}

function declared({ function: { name, description, parameters } }) {
  return { name, description, parametersJsonSchema: parameters };
}

/** Without the headers, which have the time in them. */
function seen({ text, candidates, usageMetadata, responseId, modelVersion, promptFeedback }) {
  return { text, candidates, usageMetadata, responseId, modelVersion, promptFeedback };
}

async function* seenOf(stream) {
  for await (const chunk of stream) yield seen(chunk);
}
