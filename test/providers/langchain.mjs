/** The contract's behaviours in LangChain.js, with its models of OpenAI. */
import { situationsOf } from "./situations.mjs";

export const packages = [
  "@langchain/openai",
  "@langchain/core/language_models/chat_models",
  "@langchain/core/messages",
  "@langchain/core/outputs",
  "@langchain/core/output_parsers",
  "@langchain/core/prompts",
  "@langchain/core/tools",
  "@langchain/core/vectorstores",
];

const DOCUMENTS = [[{ pageContent: "Oslo is in Norway.", metadata: { page: 1 } }, 0.9]];

export function situations(
  [
    { ChatOpenAI, OpenAIEmbeddings },
    { BaseChatModel },
    messages,
    outputs,
    parsers,
    prompts,
    tooling,
    stores,
  ],
  tools,
) {
  const { url } = tools;
  const modelOf = ({ model, tools: offered }, { timeoutMs, retries = 0 } = {}, more) => {
    const chat = new ChatOpenAI({
      model,
      apiKey: "test",
      configuration: { baseURL: url },
      maxRetries: retries,
      ...(timeoutMs ? { timeout: timeoutMs } : {}),
      ...more,
    });
    return offered ? chat.bindTools(offered) : chat;
  };
  const ask = async (request, options = {}, more) =>
    seen(
      await modelOf(request, options, more).invoke("Count to four.", { signal: options.signal }),
    );
  const stream = async (request, options = {}) =>
    piecesOf(await modelOf(request, options).stream("Count to four.", { signal: options.signal }));
  const embeddings = new OpenAIEmbeddings({
    model: "vectors",
    apiKey: "test",
    configuration: { baseURL: url },
    maxRetries: 0,
  });

  class Store extends stores.VectorStore {
    _vectorstoreType() {
      return "shelf";
    }
    async similaritySearchVectorWithScore() {
      return DOCUMENTS;
    }
  }
  const store = new Store(embeddings, {});

  /** A model of one's own, which answers without asking anybody. */
  class Acme extends BaseChatModel {
    _llmType() {
      return "acme";
    }
    getLsParams() {
      return { ls_provider: "acme", ls_model_type: "chat", ls_model_name: "transport" };
    }
    async _generate() {
      const text = "One two three four";
      const message = new messages.AIMessage({ content: text, usage_metadata: USAGE });
      return { generations: [{ text, message }] };
    }
    async *_streamResponseChunks() {
      const words = ["One", " two", " three", " four"];
      for (const [at, text] of words.entries()) {
        const more = at === 3 ? { usage_metadata: USAGE } : {};
        const message = new messages.AIMessageChunk({ content: text, ...more });
        yield new outputs.ChatGenerationChunk({ text, message });
      }
    }
  }

  return situationsOf(
    {
      chat: ask,
      stream,
      patched: true,
      others: {
        plain: () => ask({ model: "plain" }, {}, { temperature: 0.5, topP: 0.9, maxTokens: 100 }),
        parse: () =>
          modelOf({ model: "json" })
            .withStructuredOutput(
              { title: "answer", type: "object", properties: { answer: { type: "number" } } },
              { method: "jsonSchema" },
            )
            .invoke("Count to four."),
        "a chain": () => chain().invoke({ number: "four" }),
        "a chain, streamed": async () => tools.collect(await chain().stream({ number: "four" })),
        embeddings: () => embeddings.embedDocuments(["Count."]),
        "a retriever": () => store.asRetriever(2).invoke("Where is Oslo?"),
        "a vector store": async () => [
          await store.similaritySearch("Where is Oslo?", 2),
          await store.similaritySearchWithScore("Where is Oslo?", 2),
        ],
        "a tool": async () => {
          const weather = tooling.tool(
            async ({ city }) => {
              const { content } = await modelOf({ model: "in a tool" }).invoke(
                `Weather in ${city}?`,
              );
              return content;
            },
            {
              name: "weather",
              description: "The weather in a city.",
              schema: { type: "object", properties: { city: { type: "string" } } },
            },
          );
          const call = { type: "tool_call", id: "call_1", name: "weather", args: { city: "Oslo" } };
          return (await weather.invoke(call)).content;
        },
        "another transport": async () => {
          const model = new Acme({});
          const answer = seen(await model.invoke("Count to four."));
          return [answer, await tools.collect(piecesOf(await model.stream("Count to four.")))];
        },
      },
    },
    tools,
  );

  function chain() {
    return prompts.ChatPromptTemplate.fromTemplate("Count to {number}.")
      .pipe(modelOf({ model: "in a chain" }))
      .pipe(new parsers.StringOutputParser());
  }
}

const USAGE = {
  input_tokens: 12,
  output_tokens: 9,
  total_tokens: 21,
  input_token_details: { cache_read: 8 },
  output_token_details: { reasoning: 4 },
};

function seen({ content, tool_calls, usage_metadata, response_metadata }) {
  return { content, tool_calls, usage_metadata, reason: response_metadata.finish_reason };
}

async function* piecesOf(stream) {
  for await (const { content, tool_call_chunks, usage_metadata } of stream)
    yield { content, tool_call_chunks, usage_metadata };
}
