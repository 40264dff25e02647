/** What the spans of searches are to say, store by store. Their scripts are the .mjs files beside this one. */
import { createDigest } from "../../instrumentation/text-digest.ts";
import type { Expected, Provider } from "./contract.ts";
import { POSTGRES_BIN, startPostgres } from "./retrievers-postgres.ts";
import { startStoreServer } from "./retrievers-servers.ts";

const QUERY = "gen_ai.retrieval.query.text";
const DOCUMENTS = "gen_ai.retrieval.documents";
const COUNT = "assay.retrieval.document_count";
const LETTER = "Pay with 4111 1111 1111 1111";

interface Store extends Pick<Provider, "name" | "package"> {
  script: string;
  /** gen_ai.provider.name */
  provider: string;
  /** error.type */
  missing: string;
  aborted?: string;
  metadata?: Readonly<Record<string, unknown>>;
  /** @default the place and a number */
  ids?: readonly string[];
  scores?: readonly number[];
  /** @default 'about' and the id */
  startServer?: Provider["startServer"];
}

function searchesIn(store: Store): Provider {
  const { ids, scores = [0.875, 0.75] } = store;
  const documents = (
    place: string,
    contents: readonly string[],
    metadata: unknown = store.metadata,
  ): string =>
    JSON.stringify(
      contents.map((content, at) => ({
        id: ids?.[at] ?? `${place}-${at}`,
        score: scores[at],
        content,
        ...(metadata === undefined ? {} : { metadata }),
      })),
    );
  const shelf = [0, 1].map((at) => `about ${ids?.[at] ?? `shelf ${at}`}`);
  const two: Expected = { [COUNT]: 2, [DOCUMENTS]: documents("shelf", shelf) };
  const letter = (text: string, metadata?: unknown): Expected => ({
    [DOCUMENTS]: documents("letters", [text], metadata),
  });
  const hash = createDigest(undefined);
  const hashOfMetadata = store.metadata && hash(JSON.stringify(store.metadata));
  return {
    name: store.name,
    package: store.package,
    searches: true,
    script: new URL(store.script, import.meta.url),
    startServer: store.startServer ?? startStoreServer,
    every: { "gen_ai.operation.name": "retrieval", "gen_ai.provider.name": store.provider },
    calls: {
      query: [{ [QUERY]: "when do trains leave" }],
      k: [{ "gen_ai.retrieval.top_k": 2, "gen_ai.request.top_k": 2 }],
      "ids and scores": [two],
      "content, full": [letter(LETTER)],
      "content, redacted": [{ ...letter("Pay with [card]"), "assay.content.redactions": 1 }],
      "content, hash only": [letter(hash(LETTER), hashOfMetadata)],
      "content, off": [
        { [COUNT]: 1, [DOCUMENTS]: undefined, [QUERY]: undefined, "db.query.text": undefined },
      ],
      "nothing found": [{ [COUNT]: 0 }],
      error: [{ "error.type": store.missing }],
      aborted: [{ "error.type": store.aborted }],
      "concurrent searches": [
        { [DOCUMENTS]: documents("slow", [ids ? shelf[0]! : "about slow 0"]) },
        { [DOCUMENTS]: documents("shelf", shelf.slice(0, 1)) },
      ],
      "handed to instrumentRetriever": [two],
    },
  };
}

const page = { page: 7 };

export const PGVECTOR: Provider = searchesIn({
  name: "PostgreSQL with pgvector",
  package: "pg",
  script: "pg.mjs",
  provider: "pgvector",
  missing: "42P01",
  aborted: "57014",
  ids: ["3", "2"],
  scores: [0, 1],
  startServer: async () => {
    if (!POSTGRES_BIN)
      throw new Error("expected a PostgreSQL on this machine: initdb is not in PATH");
    const { port, stop } = await startPostgres(POSTGRES_BIN);
    return { url: `postgres://postgres@127.0.0.1:${port}/postgres`, close: stop };
  },
});

export const SEARCHES: readonly Provider[] = [
  searchesIn({
    name: "Pinecone",
    package: "@pinecone-database/pinecone",
    script: "pinecone.mjs",
    provider: "pinecone",
    missing: "PineconeNotFoundError",
    aborted: "PineconeConnectionError",
    metadata: page,
  }),
  searchesIn({
    name: "Qdrant",
    package: "@qdrant/js-client-rest",
    script: "qdrant.mjs",
    provider: "qdrant",
    missing: "404",
    aborted: "QdrantClientTimeoutError",
    metadata: page,
  }),
  searchesIn({
    name: "Chroma",
    package: "chromadb",
    script: "chroma.mjs",
    provider: "chroma",
    missing: "ChromaNotFoundError",
    aborted: "ChromaConnectionError",
    metadata: page,
  }),
  PGVECTOR,
  searchesIn({
    name: "LangChain.js: retrievers and vector stores",
    package: "@langchain/core",
    script: "langchain-searches.mjs",
    provider: "shelf",
    missing: "RangeError",
  }),
  searchesIn({
    name: "Any other search, with `traceRetriever`",
    package: "@assay/instrumentation",
    script: "own-search.mjs",
    provider: "own",
    missing: "RangeError",
    aborted: "DOMException",
  }),
];
