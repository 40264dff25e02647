/** What a search found, in the form of the conventions: an id, a score, and content where the policy lets it out. */
import { boundedJson } from "../bounded-json.ts";
import type { ContentWriter } from "../content-writer.ts";
import { count, fields, isFields, list, text, type Fields } from "../untyped.ts";

export interface RetrievedDocument {
  id?: string;
  /** As the store gives it: a similarity, or a distance. */
  score?: number;
  content?: string;
  metadata?: Record<string, unknown>;
}

/** Characters of one document that are kept, of its metadata, and how many documents. */
const DOCUMENT_LIMIT = 2_048;
const METADATA_LIMIT = 2_048;
const DOCUMENTS_LIMIT = 64;

/** In which fields stores, and the libraries that fill them, keep the text. */
const CONTENT_FIELDS = ["content", "text", "pageContent", "page_content", "document", "chunk_text"];
const SCORE_FIELDS = [
  "score",
  "_score",
  "distance",
  "_distance",
  "similarity",
  "cosine_distance",
  "l2_distance",
  "inner_product",
  "l1_distance",
];
const ID_FIELDS = ["id", "_id", "uuid", "document_id", "doc_id", "chunk_id"];
/** `payload` is Qdrant's, `fields` Pinecone's. */
const METADATA_FIELDS = ["metadata", "payload", "fields"];

/** JSON text. Runs off the service's tick. */
export function writeDocuments(documents: readonly unknown[], writer: ContentWriter): string {
  return JSON.stringify(
    documents.slice(0, DOCUMENTS_LIMIT).map((document) => writeDocument(document, writer)),
  );
}

/** The array itself, or the one that the result holds. */
export function guessDocuments(result: unknown): readonly unknown[] {
  if (Array.isArray(result)) return result;
  const holder = fields(result);
  for (const name of ["documents", "matches", "results", "hits", "points", "rows"])
    if (Array.isArray(holder?.[name])) return list(holder[name]);
  return [];
}

/** Characters, roughly. */
export function documentsSize(documents: readonly unknown[] | undefined): number {
  return Math.min(documents?.length ?? 0, DOCUMENTS_LIMIT) * DOCUMENT_LIMIT;
}

function writeDocument(value: unknown, writer: ContentWriter): Fields {
  if (typeof value === "string") return { content: writer.text(value, DOCUMENT_LIMIT) };
  // [document, score]: LangChain's similaritySearchWithScore
  if (Array.isArray(value) && isFields(value[0]))
    return { ...writeDocument(value[0], writer), score: count(value[1]) };
  const document = fields(value) ?? {};
  const metadata = METADATA_FIELDS.map((name) => fields(document[name])).find(isDefined);
  const own = textIn(document);
  const held = own ?? (metadata && textIn(metadata));
  const written: Record<string, unknown> = {};
  const id = ID_FIELDS.map((name) => idText(document[name])).find(isDefined);
  if (id !== undefined) written["id"] = id;
  const score = SCORE_FIELDS.map((name) => count(document[name])).find(isDefined);
  if (score !== undefined) written["score"] = score;
  if (held) written["content"] = writer.text(held.value, DOCUMENT_LIMIT);
  const rest = own || !held ? metadata : without(metadata, held.name);
  if (rest !== undefined && Object.keys(rest).length > 0)
    written["metadata"] = writer.json(boundedJson(rest, METADATA_LIMIT));
  return written;
}

function textIn(holder: Fields): { name: string; value: string } | undefined {
  for (const name of CONTENT_FIELDS) {
    const value = text(holder[name]);
    if (value !== undefined) return { name, value };
  }
  return undefined;
}

function idText(value: unknown): string | undefined {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  return text(value);
}

function isDefined(value: unknown): boolean {
  return value !== undefined;
}

function without(holder: Fields | undefined, name: string): Fields | undefined {
  if (!holder) return undefined;
  const { [name]: _, ...rest } = holder;
  return rest;
}
