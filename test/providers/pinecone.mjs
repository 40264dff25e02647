/** The behaviours of a search in Pinecone's client. */
import { searchesOf } from "./searches.mjs";

export const packages = ["@pinecone-database/pinecone"];

export function situations([{ Pinecone }], tools) {
  const indexOf = (options) =>
    new Pinecone({ apiKey: "test", maxRetries: 0, ...options }).index({
      name: "handbook",
      host: tools.url,
    });
  const index = indexOf({});
  const search = (place, k, from = index) =>
    from.namespace(place).query({ vector: [1, 2], topK: k, includeMetadata: true });
  return searchesOf(
    {
      search,
      query: () =>
        index.searchRecords({ query: { topK: 2, inputs: { text: "when do trains leave" } } }),
      aborted: () => {
        const signal = AbortSignal.timeout(50);
        return search(
          "slow",
          2,
          indexOf({ fetchApi: (url, init) => fetch(url, { ...init, signal }) }),
        );
      },
      client: index,
    },
    tools,
  );
}
