/** `@pinecone-database/pinecone`: searches of an index by vector, by text, and of schema-based documents. */
import { patchClasses, type TracedMethod } from "../patch-method.ts";
import type { Sdk } from "../sdk-copies.ts";
import { count, fields, list, memberOf, text } from "../untyped.ts";
import type { RetrievalRequest } from "./retrieval.ts";
import { searchMethod, serverAt } from "./search-method.ts";

export const PINECONE_METHODS: readonly TracedMethod[] = [
  searchMethod("query", vectorQuery, ["Index"]),
  searchMethod("searchRecords", textSearch, ["Index"]),
  searchMethod("search", documentSearch, ["Documents"], ["documents"]),
];

export const pinecone: Sdk = {
  package: "@pinecone-database/pinecone",
  patch: (exports) => patchClasses(exports, PINECONE_METHODS),
};

export function isPineconeIndex(value: object): boolean {
  return fields(memberOf(value, "target")) !== undefined && "describeIndexStats" in value;
}

function vectorQuery(self: unknown, [options]: readonly unknown[]): RetrievalRequest {
  const query = fields(options);
  return {
    ...indexOf(self, query?.["namespace"]),
    topK: count(query?.["topK"]),
    documents: (result) => list(memberOf(result, "matches")),
  };
}

function textSearch(self: unknown, [options]: readonly unknown[]): RetrievalRequest {
  const search = fields(options);
  const query = fields(search?.["query"]);
  return {
    ...indexOf(self, search?.["namespace"]),
    topK: count(query?.["topK"]),
    query: text(fields(query?.["inputs"])?.["text"]),
    documents: (result) => list(fields(memberOf(result, "result"))?.["hits"]),
  };
}

function documentSearch(self: unknown, [options]: readonly unknown[]): RetrievalRequest {
  const search = fields(options);
  const provider = memberOf(self, "_provider");
  const queries = list(search?.["scoreBy"]).map((method) => text(memberOf(method, "query")));
  return {
    ...indexAt(
      text(memberOf(provider, "indexName")),
      text(memberOf(provider, "indexHostUrl")),
      text(memberOf(self, "_namespace")),
    ),
    topK: count(search?.["topK"]),
    query: queries.filter((query) => query !== undefined).join("\n") || undefined,
    documents: (result) => list(memberOf(result, "matches")),
  };
}

/** Versions 2 to 6 name the index `index`. */
function indexOf(self: unknown, namespace: unknown): RetrievalRequest {
  const target = fields(memberOf(self, "target"));
  return indexAt(
    text(target?.["indexName"]) || text(target?.["index"]),
    text(target?.["indexHostUrl"]),
    text(namespace) ?? text(target?.["namespace"]),
  );
}

function indexAt(
  name: string | undefined,
  host: string | undefined,
  namespace: string | undefined,
): RetrievalRequest {
  const server = serverAt(host && (host.includes("://") ? host : `https://${host}`));
  return { source: name || server?.address || "pinecone", provider: "pinecone", namespace, server };
}
