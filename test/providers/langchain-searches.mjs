/** The behaviours of a search with LangChain.js: a vector store, asked directly and through its retriever. */
import { found, searchesOf } from "./searches.mjs";

export const packages = ["@langchain/core/vectorstores", "@langchain/core/embeddings"];

export function situations([{ VectorStore }, { Embeddings }], tools) {
  class Fixed extends Embeddings {
    embedQuery = async () => [1, 2];
    embedDocuments = async (texts) => texts.map(() => [1, 2]);
  }
  class Shelf extends VectorStore {
    _vectorstoreType() {
      return "shelf";
    }
    async similaritySearchVectorWithScore(_, k, place) {
      const documents = await found(place, k);
      return documents.map(({ id, score, content }) => [
        { id, pageContent: content, metadata: {} },
        score,
      ]);
    }
  }
  const store = new Shelf(new Fixed({}), {});
  return searchesOf(
    {
      search: (place, k) => store.similaritySearchWithScore("when do trains leave", k, place),
      query: () => store.asRetriever(2, "shelf").invoke("when do trains leave"),
      aborted: { unsupported: "a store takes no signal" },
      client: {
        unsupported: "it takes clients; in a bundle wrap the search with `traceRetriever`",
      },
    },
    tools,
  );
}
