/** The behaviours of a search that the service wrote itself, wrapped with `traceRetriever`. */
import { found, searchesOf } from "./searches.mjs";

export const packages = [];

export function situations(_, tools) {
  const ask = (query, k, place, signal) => {
    const aborted = new Promise((_, reject) =>
      signal?.addEventListener("abort", () => reject(signal.reason)),
    );
    return signal ? Promise.race([found(place, k), aborted]) : found(place, k);
  };
  const search = (place, k, signal) =>
    tools.wrapped(ask, { name: "own", provider: "own", topK: (_, limit) => limit })(
      "when do trains leave",
      k,
      place,
      signal,
    );
  return searchesOf(
    {
      search,
      query: () => search("shelf", 2),
      aborted: () => search("slow", 2, AbortSignal.timeout(10)),
      client: { unsupported: "for clients of stores; this is for everything else" },
      late: { unsupported: "nothing is patched: the function is wrapped" },
    },
    tools,
  );
}
