/**
 * Makes text fit to leave the service: redacted and cut to size, or replaced by its hash; binary data is always replaced by
 * its hash. One per span; it counts what it did. Redaction looks a little further than the cut, so that a secret across
 * the edge does not lose its tail and with it its pattern.
 */
import { createHash } from "node:crypto";
import { fields, isFields, text, type Fields } from "./untyped.ts";

/** Characters. */
export const PART_LIMIT = 32 * 1024;
export const SPAN_LIMIT = 128 * 1024;
const REDACT_BEYOND = 4 * 1024;
/** Characters of base64. Hashing a larger file would hold up the service for more than some milliseconds. */
const HASH_LIMIT = 2 * 1024 * 1024;

export type Redact = (text: string) => { text: string; redactions: number };

/** What stands for a text: equal texts have equal ones. */
export type Digest = (text: string) => string;

export class ContentWriter {
  redactions = 0;
  truncated = 0;
  readonly #redact: Redact | undefined;
  readonly #digest: Digest | undefined;
  readonly #isVerbatim: boolean;
  #left = SPAN_LIMIT;

  /** @param redact absent: text goes out as it is */
  constructor(redact: Redact | undefined, digest?: Digest, isVerbatim = false) {
    this.#redact = redact;
    this.#digest = digest;
    this.#isVerbatim = isVerbatim;
  }

  /** Of every text only its digest goes out; roles, ids and the names of tools stay. */
  static digesting(digest: Digest): ContentWriter {
    return new ContentWriter(undefined, digest);
  }

  /** Everything as it is, whatever its size: for what stays in the service. It counts nothing, so there is one. */
  static readonly verbatim = new ContentWriter(undefined, undefined, true);

  text(value: string, partLimit = PART_LIMIT): string {
    if (this.#isVerbatim) return value;
    if (this.#digest) return this.#digest(value);
    const limit = Math.min(partLimit, this.#left);
    const clean = this.#redacted(
      value.length > limit + REDACT_BEYOND ? value.slice(0, limit + REDACT_BEYOND) : value,
    );
    if (clean.length <= limit && value.length <= limit + REDACT_BEYOND) {
      this.#left -= clean.length;
      return clean;
    }
    this.truncated++;
    this.#left -= limit;
    return `${clean.slice(0, limit)}… [truncated from ${value.length} characters]`;
  }

  textPart(value: string, type: "text" | "reasoning" = "text"): Fields {
    return { type, content: this.text(value) };
  }

  /** Arguments are an object in the conventions; text that is not JSON, or was cut, stays text. */
  toolCall(id: unknown, name: unknown, args: unknown): Fields {
    return {
      type: "tool_call",
      id: text(id) ?? null,
      name: text(name) ?? "",
      arguments: this.json(args),
    };
  }

  toolResponse(id: unknown, response: unknown): Fields {
    return {
      type: "tool_call_response",
      id: text(id) ?? null,
      response: typeof response === "string" ? this.text(response) : this.json(response),
    };
  }

  /** A value of any shape, given as JSON text or as itself. */
  json(value: unknown): unknown {
    if (value === undefined) return null;
    const written = this.text(
      typeof value === "string" ? value : (JSON.stringify(value) ?? "null"),
    );
    try {
      return JSON.parse(written) as unknown;
    } catch {
      return written;
    }
  }

  /** A tool that was offered: what it is called is no content. */
  definition(tool: Fields): unknown {
    if (!this.#digest) return this.json(tool);
    const { type, name, ...rest } = tool;
    return { type, name, ...(Object.keys(rest).length > 0 ? { parameters: this.json(rest) } : {}) };
  }

  /** `data:` URLs become their size and hash; other addresses stay, without their query. */
  media(modality: string, url: unknown, mimeType?: string): Fields {
    const address = text(url) ?? "";
    const data = /^data:([^;,]*)(?:;[^,]*)?,/.exec(address.slice(0, 256));
    if (data) return this.blob(modality, address.slice(data[0].length), data[1] || mimeType);
    return { type: "uri", modality, uri: this.text(withoutQuery(address)) };
  }

  blob(modality: string, base64: unknown, mimeType?: string): Fields {
    const data = text(base64) ?? "";
    if (this.#isVerbatim)
      return { type: "blob", modality, mime_type: mimeType ?? null, content: data };
    const part: Record<string, unknown> = {
      type: "blob",
      modality,
      mime_type: mimeType ?? null,
      bytes: Buffer.byteLength(data, "base64"),
    };
    if (data.length <= HASH_LIMIT)
      part["sha256"] = createHash("sha256").update(Buffer.from(data, "base64")).digest("hex");
    return part;
  }

  /** What the conventions have no part for: its type, and its text. */
  generic(value: unknown): Fields {
    const type = text(fields(value)?.["type"]) ?? "unknown";
    return { type, content: this.json(this.#isVerbatim ? value : withoutBinary(value)) };
  }

  #redacted(value: string): string {
    if (!this.#redact) return value;
    const { text: clean, redactions } = this.#redact(value);
    this.redactions += redactions;
    return clean;
  }
}

/** Signed addresses carry their key in the query. */
function withoutQuery(address: string): string {
  const at = address.search(/[?#]/);
  return at < 0 ? address : address.slice(0, at);
}

const BINARY_FIELDS = new Set(["data", "file_data", "b64_json", "encrypted_content", "result"]);

function withoutBinary(value: unknown): unknown {
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      BINARY_FIELDS.has(key) && typeof inner === "string" && inner.length > 512
        ? [key, `[${inner.length} characters]`]
        : [key, inner],
    ),
  );
}
