/**
 * The body of a request, where it can be read without disturbing it: text, bytes, and the body of a Request, of which
 * a copy is read. Streams, forms and blobs are left alone, and so is what is too long.
 */

/** Bytes, or characters. */
const BODY_LIMIT = 16 * 1024 * 1024;

/** Text or bytes of it; both can be searched as they are. */
export type RequestBody = string | Buffer;

export function bodyOf(value: unknown): RequestBody | undefined {
  if (typeof value === "string") return value.length > BODY_LIMIT ? undefined : value;
  const bytes = bytesOf(value);
  return bytes && bytes.length <= BODY_LIMIT ? bytes : undefined;
}

/** A view, not a copy. */
function bytesOf(value: unknown): Buffer | undefined {
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return value instanceof ArrayBuffer ? Buffer.from(value) : undefined;
}

/**
 * A clone shares the source of the original: what is sent is the same, with the same length. To be called before the
 * request is sent; resolves while it is, and never rejects.
 */
export async function copyOf(request: Request): Promise<RequestBody | undefined> {
  try {
    const copy = request.clone().body;
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of copy ?? []) {
      size += chunk.byteLength;
      // Leaving the loop cancels the copy alone.
      if (size > BODY_LIMIT) return undefined;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch {
    // The body failed, and with it the request: the service is told by fetch itself.
    return undefined;
  }
}
