/**
 * `chromadb`: queries and searches of a collection. Collections are of a class that the package does not export; the
 * class of handles, which derives from it, leads there.
 */
import { patchClasses, type TracedMethod } from "../patch-method.ts";
import type { PatchReport, Sdk } from "../sdk-copies.ts";
import { count, fields, list, memberOf, text, type Fields } from "../untyped.ts";
import type { RetrievalRequest } from "./retrieval.ts";
import { searchMethod, serverAt } from "./search-method.ts";

/** Chroma's own default of `nResults`. */
const DEFAULT_RESULTS = 10;

export const CHROMA_METHODS: readonly TracedMethod[] = [
  searchMethod("query", query, ["Collection"]),
  searchMethod("search", search, ["Collection"]),
];

export const chroma: Sdk = {
  package: "chromadb",
  patch(exports): PatchReport {
    const handle = memberOf(exports, "CollectionHandle");
    // 3.5; before it, `Collection` is the class itself, or nothing is.
    const collection =
      typeof handle === "function"
        ? Object.getPrototypeOf(handle)
        : memberOf(exports, "Collection");
    patchClasses({ Collection: handle }, CHROMA_METHODS);
    return patchClasses({ Collection: collection }, CHROMA_METHODS);
  },
};

export function isChromaCollection(value: object): boolean {
  return "peek" in value && "upsert" in value && "query" in value && "database" in value;
}

function query(self: unknown, [options]: readonly unknown[]): RetrievalRequest {
  const asked = fields(options);
  const texts = list(asked?.["queryTexts"]).filter((value) => typeof value === "string");
  return {
    ...collectionOf(self),
    topK: count(asked?.["nResults"]) ?? DEFAULT_RESULTS,
    query: texts.join("\n") || undefined,
    documents: rows,
  };
}

function search(self: unknown, [searches]: readonly unknown[]): RetrievalRequest {
  const payloads = (Array.isArray(searches) ? searches : [searches]).map(payloadOf);
  const limits = payloads.map(
    (payload) => count(payload["limit"]) ?? count(fields(payload["limit"])?.["limit"]) ?? 0,
  );
  return {
    ...collectionOf(self),
    topK: Math.max(0, ...limits) || undefined,
    query: payloads.flatMap((payload) => textsIn(payload["rank"], 0)).join("\n") || undefined,
    documents: rows,
  };
}

function collectionOf(self: unknown): RetrievalRequest {
  const client = memberOf(self, "apiClient") as { getConfig?(): unknown } | undefined;
  return {
    source: text(memberOf(self, "name")) || text(memberOf(self, "id")) || "chroma",
    provider: "chroma",
    namespace: text(memberOf(self, "database")),
    server: serverAt(text(memberOf(client?.getConfig?.(), "baseUrl"))),
  };
}

/** A search is written as an object or built as a `Search`. */
function payloadOf(value: unknown): Fields {
  const toPayload = memberOf(value, "toPayload");
  return (
    fields(typeof toPayload === "function" ? Reflect.apply(toPayload, value, []) : value) ?? {}
  );
}

const RANK_DEPTH = 8;

/** The texts that are looked for, in an expression of ranks: `{ $knn: { query } }`, weighted, summed … */
function textsIn(rank: unknown, depth: number): string[] {
  const toJson = memberOf(rank, "toJSON");
  const expression: unknown = typeof toJson === "function" ? Reflect.apply(toJson, rank, []) : rank;
  if (typeof expression !== "object" || expression === null || depth > RANK_DEPTH) return [];
  const found = text(fields(Reflect.get(expression, "$knn"))?.["query"]);
  return found === undefined
    ? Object.values(expression).flatMap((inner) => textsIn(inner, depth + 1))
    : [found];
}

/** The answer is columns, one array per text that was asked. */
function rows(result: unknown): readonly unknown[] {
  const column = (name: string): readonly unknown[] => list(memberOf(result, name));
  const [documents, metadatas] = [column("documents"), column("metadatas")];
  const [distances, scores] = [column("distances"), column("scores")];
  return column("ids").flatMap((ids, asked) =>
    list(ids).map((id, row) => ({
      id,
      score: list(distances[asked])[row] ?? list(scores[asked])[row],
      content: list(documents[asked])[row],
      metadata: list(metadatas[asked])[row],
    })),
  );
}
