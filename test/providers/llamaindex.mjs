/** The contract's behaviours in LlamaIndex.TS, with its model of OpenAI, which brings an SDK of its own. */
import { situationsOf } from "./situations.mjs";

export const packages = [
  "@llamaindex/openai",
  "@llamaindex/core/retriever",
  "@llamaindex/core/schema",
];

const NO_SIGNAL = { unsupported: "the SDK takes no signal" };

export function situations([{ OpenAI, OpenAIEmbedding }, { BaseRetriever }, { TextNode }], tools) {
  const modelOf = (model, { timeoutMs, retries = 0 } = {}, more) =>
    new OpenAI({
      model,
      apiKey: "test",
      baseURL: tools.url,
      maxRetries: retries,
      ...(timeoutMs ? { timeout: timeoutMs } : {}),
      ...more,
    });
  const requestOf = ({ messages, tools: offered }) => ({
    messages,
    ...(offered ? { tools: offered.map(({ function: metadata }) => ({ metadata })) } : {}),
  });
  const ask = (request, options, more) =>
    modelOf(request.model, options, more).chat(requestOf(request));
  const embeddings = new OpenAIEmbedding({ model: "vectors", apiKey: "test", baseURL: tools.url });

  class Shelf extends BaseRetriever {
    async _retrieve({ query }) {
      const [first] = await embeddings.getTextEmbedding(query);
      return [{ node: new TextNode({ id_: "1", text: "Oslo is in Norway." }), score: first }];
    }
  }

  return situationsOf(
    {
      chat: ask,
      stream: (request, options) =>
        modelOf(request.model, options).chat({ ...requestOf(request), stream: true }),
      patched: true,
      others: {
        plain: () =>
          ask(
            { model: "plain", messages: PROMPT },
            {},
            { temperature: 0.5, topP: 0.9, maxTokens: 100 },
          ),
        "aborted by signal": NO_SIGNAL,
        "a retriever": async () => {
          const nodes = await new Shelf().retrieve("Where is Oslo?");
          return nodes.map(({ node, score }) => [node.text, score]);
        },
      },
    },
    tools,
  );
}

const PROMPT = [{ role: "user", content: "Count to four." }];
