/**
 * The behaviours of a search, for any store: `search(place, k)`, `aborted()`, and `query()` where the store takes text. The
 * place says what it answers: see retrievers-servers.ts. What a store cannot do is `{ unsupported: why }`.
 */
const NOT_BY_TEXT = { unsupported: "searched by vector: the store never sees the text" };

export function searchesOf(
  { search, query, aborted, client, late },
  { within, policy, handedOver },
) {
  const classOf = (promise) =>
    promise.then(
      () => "no error",
      (error) => error.constructor.name,
    );
  return {
    query: query ?? NOT_BY_TEXT,
    k: () => search("shelf", 2),
    "ids and scores": () => search("shelf", 2),
    "content, full": () => search("letters", 1),
    "content, redacted": () => policy("redacted", () => search("letters", 1)),
    "content, hash only": () => policy("hash", () => search("letters", 1)),
    "content, off": () => policy("off", () => search("letters", 1)),
    "nothing found": () => search("empty", 2),
    error: () => classOf(search("missing", 2)),
    aborted: typeof aborted === "function" ? () => classOf(aborted()) : aborted,
    "concurrent searches": () =>
      Promise.all(
        ["slow", "shelf"].map((place, at) =>
          within(`concurrent searches ${"ab"[at]}`, () => search(place, 1)),
        ),
      ),
    "handed to instrumentRetriever":
      client.unsupported === undefined
        ? async () => [handedOver(client), await search("shelf", 2)]
        : client,
    ...(late ? { "imported before the registration": late } : {}),
  };
}

/** What a store of this process finds. */
export async function found(place, k) {
  if (place === "missing") throw new RangeError("no such place");
  if (place === "slow") await new Promise((resolve) => setTimeout(resolve, 100));
  return Array.from({ length: place === "empty" ? 0 : k }, (_, at) => ({
    id: `${place}-${at}`,
    score: 1 - (at + 1) / 8,
    content: place === "letters" ? "Pay with 4111 1111 1111 1111" : `about ${place} ${at}`,
  }));
}
