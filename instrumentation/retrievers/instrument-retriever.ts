/** Tracing one client of a store, told so by the service: in a bundle the import cannot find its package. */
import { guarded, warnOnce } from "../health.ts";
import { patchClient, type TracedMethod } from "../patch-method.ts";
import { CHROMA_METHODS, isChromaCollection } from "./chroma.ts";
import { isPgClient, isPgPool, PG_CLIENT_METHODS, PG_POOL_METHODS } from "./pg.ts";
import { isPineconeIndex, PINECONE_METHODS } from "./pinecone.ts";
import { isQdrantClient, QDRANT_METHODS } from "./qdrant.ts";

const CLIENTS: readonly (readonly [
  recognise: (value: object) => boolean,
  methods: readonly TracedMethod[],
])[] = [
  [isPineconeIndex, PINECONE_METHODS],
  [isQdrantClient, QDRANT_METHODS],
  [isChromaCollection, CHROMA_METHODS],
  [isPgClient, PG_CLIENT_METHODS],
  [isPgPool, PG_POOL_METHODS],
];

/**
 * Traces the searches of this client and returns the same object; one that is traced already stays as it is. Takes a
 * Pinecone index, a Qdrant client, a Chroma collection, a `pg` client or pool.
 * @example const index = instrumentRetriever(pinecone.index({ name: "handbook" }))
 */
export function instrumentRetriever<T extends object>(client: T): T {
  guarded("instrumenting a retriever", () => {
    const methods = CLIENTS.find(([recognise]) => recognise(client))?.[1];
    if (methods && patchClient(client, methods).patched.length > 0) return;
    warnOnce(
      "retriever",
      "instrumentRetriever() got an object that is no Pinecone index, Qdrant client, Chroma collection, pg client or pool; trace its search method with traceRetriever()",
    );
  });
  return client;
}
