/**
 * Calls the real clients in every situation and prints what the service saw: `esm|cjs <store server>`. Each situation
 * runs in an agent of its name where the instrumentation is loaded, so that the spans tell which call they are of.
 */
import { createRequire } from "node:module";

const [, , format, url] = process.argv;
const require = createRequire(import.meta.url);
const load = (name) => (format === "cjs" ? require(name) : import(name));
const assay = process.env.ASSAY_ENDPOINT ? await import("@assay/instrumentation") : undefined;
const run = (name, work) => (assay ? assay.traceAgent(name, work)() : work());

const { Pinecone } = await load("@pinecone-database/pinecone");
const { QdrantClient } = await load("@qdrant/js-client-rest");
const { ChromaClient, Search, Knn } = await load("chromadb");

const signal = AbortSignal.timeout(50);
const pinecone = new Pinecone({ apiKey: "test", maxRetries: 0 });
const impatient = new Pinecone({
  apiKey: "test",
  maxRetries: 0,
  fetchApi: (input, init) => fetch(input, { ...init, signal }),
});
const index = pinecone.index({ name: "handbook", host: url });
const qdrant = new QdrantClient({ url, checkCompatibility: false });
const hasty = new QdrantClient({ url, checkCompatibility: false, timeout: 50 });
const address = { host: "127.0.0.1", port: Number(new URL(url).port), tenant: "t", database: "d" };
const chroma = new ChromaClient(address);
const embeddingFunction = { name: "test", generate: async (texts) => texts.map(() => [1, 2]) };
const collection = (name, client = chroma) => client.getCollection({ name, embeddingFunction });

const SITUATIONS = {
  "pinecone, query": () => index.query({ vector: [1, 2], topK: 2, includeMetadata: true }),
  "pinecone, by id": () => index.query({ id: "x", topK: 1, namespace: "other" }),
  "pinecone, empty": () => index.namespace("empty").query({ vector: [1, 2], topK: 2 }),
  "pinecone, missing": () => index.namespace("missing").query({ vector: [1, 2], topK: 2 }),
  "pinecone, broken": () => index.namespace("broken").query({ vector: [1, 2], topK: 2 }),
  "pinecone, bad arguments": () => index.query(),
  "pinecone, aborted": () =>
    impatient
      .index({ host: url })
      .namespace("slow")
      .query({ vector: [1], topK: 2 }),
  "pinecone, records": () =>
    index.searchRecords({ query: { topK: 2, inputs: { text: "when do trains leave" } } }),
  "pinecone, documents": () =>
    index.documents.search({
      topK: 1,
      scoreBy: [{ type: "text", fields: ["title"], query: "night trains" }],
    }),
  "qdrant, query": () => qdrant.query("guides", { query: [1, 2], limit: 2, with_payload: true }),
  "qdrant, text": () =>
    qdrant.query("guides", { query: { text: "night trains", model: "minilm" }, limit: 1 }),
  "qdrant, batch": () =>
    qdrant.queryBatch("guides", {
      searches: [
        { query: [1], limit: 1 },
        { query: [2], limit: 2 },
      ],
    }),
  "qdrant, groups": () =>
    qdrant.queryGroups("guides", { query: [1], group_by: "page", limit: 1, group_size: 2 }),
  "qdrant, empty": () => qdrant.query("empty", { query: [1, 2], limit: 2 }),
  "qdrant, missing": () => qdrant.query("missing", { query: [1, 2], limit: 2 }),
  "qdrant, broken": () => qdrant.query("broken", { query: [1, 2], limit: 2 }),
  "qdrant, aborted": () => hasty.query("slow", { query: [1, 2], limit: 2 }),
  "chroma, texts": async () =>
    (await collection("notes")).query({ queryTexts: ["trains", "buses"], nResults: 1 }),
  "chroma, embeddings": async () =>
    (await collection("notes")).query({ queryEmbeddings: [[1, 2]], nResults: 2 }),
  "chroma, rows": async () =>
    (await (await collection("notes")).query({ queryEmbeddings: [[1, 2]], nResults: 1 })).rows(),
  "chroma, search": async () =>
    (await collection("notes")).search(
      new Search().rank(Knn({ query: [1, 2], limit: 5 })).limit(2),
    ),
  "chroma, handle": () =>
    chroma.collection("by-id").query({ queryEmbeddings: [[1, 2]], nResults: 1 }),
  "chroma, empty": () => chroma.collection("empty").query({ queryEmbeddings: [[1]], nResults: 2 }),
  "chroma, missing": () =>
    chroma.collection("missing").query({ queryEmbeddings: [[1]], nResults: 2 }),
  "chroma, broken": () =>
    chroma.collection("broken").query({ queryEmbeddings: [[1]], nResults: 2 }),
  "chroma, aborted": () =>
    new ChromaClient({ ...address, fetchOptions: { signal: AbortSignal.timeout(50) } })
      .collection("slow")
      .query({ queryEmbeddings: [[1]], nResults: 2 }),
};

const outcome = async (name, work) => {
  try {
    const value = await run(name, work);
    return { value, class: value?.constructor?.name };
  } catch (error) {
    return { threw: `${error?.constructor?.name}: ${error?.message}` };
  }
};

const seen = {};
for (const [name, situation] of Object.entries(SITUATIONS))
  seen[name] = await outcome(name, situation);
// At once: what each one finds is its own, and so is its span.
const places = ["slow", "a", "b", "c"];
seen["concurrent"] = await Promise.all(
  places.map((place) =>
    outcome(`concurrent ${place}`, () => qdrant.query(place, { query: [1], limit: 1 })),
  ),
);

// What a bundle would do: the copies that the import has found are traced already.
if (assay)
  for (const client of [index, qdrant, chroma.collection("x")])
    if (assay.instrumentRetriever(client) !== client) throw new Error("another object");

await assay?.flush();
const report = assay && {
  errors: assay.stats().instrumentationErrors,
  sdks: assay.status().sdks.map(({ package: name, patched }) => ({ name, patched })),
  warnings: assay.status().warnings,
};
process.stdout.write(`${JSON.stringify({ seen, report })}\n`, () => process.exit(0));
