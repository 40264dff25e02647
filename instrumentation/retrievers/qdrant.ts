/** `@qdrant/js-client-rest`: searches of a collection, with the methods of 1.10 and later and those before them. */
import { patchClasses, type TracedMethod } from "../patch-method.ts";
import type { Sdk } from "../sdk-copies.ts";
import { count, fields, list, memberOf, text, type Fields } from "../untyped.ts";
import type { RetrievalRequest } from "./retrieval.ts";
import { searchMethod, serverAt } from "./search-method.ts";

/** Those that are left out of a client are reported as such. */
export const QDRANT_METHODS: readonly TracedMethod[] = [
  searchMethod("query", one, ["QdrantClient"]),
  searchMethod("queryBatch", many, ["QdrantClient"]),
  searchMethod("queryGroups", one, ["QdrantClient"]),
  searchMethod("search", one, ["QdrantClient"]),
  searchMethod("searchBatch", many, ["QdrantClient"]),
  searchMethod("recommend", one, ["QdrantClient"]),
];

export const qdrant: Sdk = {
  package: "@qdrant/js-client-rest",
  patch: (exports) => patchClasses(exports, QDRANT_METHODS),
};

export function isQdrantClient(value: object): boolean {
  return "_restUri" in value && "getCollections" in value;
}

function one(self: unknown, [collection, options]: readonly unknown[]): RetrievalRequest {
  return searchOf(self, collection, [fields(options) ?? {}]);
}

function many(self: unknown, [collection, options]: readonly unknown[]): RetrievalRequest {
  const searches = list(fields(options)?.["searches"]).map((search) => fields(search) ?? {});
  return searchOf(self, collection, searches);
}

function searchOf(
  self: unknown,
  collection: unknown,
  searches: readonly Fields[],
): RetrievalRequest {
  const limits = searches.map((search) => count(search["limit"]) ?? 0);
  const asked = searches.map((search) => inferenceInput(search["query"]));
  const texts = asked.flatMap((input) => text(input?.["text"]) ?? []);
  return {
    source: text(collection) ?? "qdrant",
    provider: "qdrant",
    server: serverAt(text(memberOf(self, "_restUri"))),
    topK: Math.max(0, ...limits) || undefined,
    query: texts.join("\n") || undefined,
    embeddingModel: text(asked.find((input) => input?.["model"] !== undefined)?.["model"]),
    documents: points,
  };
}

/** Text that the server embeds: `{ text, model }`, bare or as what to be nearest to. */
function inferenceInput(query: unknown): Fields | undefined {
  const asked = fields(query);
  return fields(asked?.["nearest"]) ?? asked;
}

/** `{ points }`, `{ groups: [{ hits }] }`, an array of points, or an array of any of these. */
function points(result: unknown): readonly unknown[] {
  const holder = fields(result);
  const found = holder?.["points"] ?? holder?.["hits"] ?? holder?.["groups"] ?? result;
  return list(found).flatMap((entry) => (isHolder(entry) ? points(entry) : [entry]));
}

function isHolder(value: unknown): boolean {
  const holder = fields(value);
  return Array.isArray(value) || Array.isArray(holder?.["points"] ?? holder?.["hits"]);
}
