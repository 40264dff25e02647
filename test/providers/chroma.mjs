/** The behaviours of a search in Chroma's client. */
import { searchesOf } from "./searches.mjs";

export const packages = ["chromadb"];

export function situations([{ ChromaClient }], tools) {
  const clientOf = (options) =>
    new ChromaClient({
      host: "127.0.0.1",
      port: Number(new URL(tools.url).port),
      tenant: "t",
      database: "d",
      ...options,
    });
  const client = clientOf({});
  const search = (place, k, from = client) =>
    from.collection(place).query({ queryEmbeddings: [[1, 2]], nResults: k });
  const embeddingFunction = { name: "test", generate: async (texts) => texts.map(() => [1, 2]) };
  return searchesOf(
    {
      search,
      query: async () => {
        const shelf = await client.getCollection({ name: "shelf", embeddingFunction });
        return shelf.query({ queryTexts: ["when do trains leave"], nResults: 2 });
      },
      aborted: () =>
        search("slow", 2, clientOf({ fetchOptions: { signal: AbortSignal.timeout(50) } })),
      client: client.collection("shelf"),
    },
    tools,
  );
}
