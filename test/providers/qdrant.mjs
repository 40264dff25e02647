/** The behaviours of a search in Qdrant's client. */
import { searchesOf } from "./searches.mjs";

export const packages = ["@qdrant/js-client-rest"];

export function situations([{ QdrantClient }], tools) {
  const clientOf = (options) =>
    new QdrantClient({ url: tools.url, checkCompatibility: false, ...options });
  const client = clientOf({});
  const search = (place, k, from = client) =>
    from.query(place, { query: [1, 2], limit: k, with_payload: true });
  return searchesOf(
    {
      search,
      query: () =>
        client.query("shelf", {
          query: { text: "when do trains leave", model: "minilm" },
          limit: 2,
        }),
      aborted: () => search("slow", 2, clientOf({ timeout: 50 })),
      client,
    },
    tools,
  );
}
