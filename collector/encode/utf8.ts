/**
 * Text is stored as valid UTF-8 only: invalid sequences become U+FFFD, as protobuf's own parsers do it.
 *
 * Short text is checked while it is copied (all its bytes or-ed together tell whether it is ASCII); the rest costs one
 * native call. `replaced.count` only ever grows: who wants to know whether a stretch of work replaced anything compares
 * before and after.
 */
import { isUtf8 } from "node:buffer";

export const replaced: { count: number } = { count: 0 };

/** Below this, copying byte by byte beats the fixed price of a native call (about 50 ns). */
export const SHORT = 48;

/** The bytes themselves when they are valid, else a repaired copy. */
export function validUtf8(bytes: Uint8Array): Uint8Array {
  if (isUtf8(bytes)) return bytes;
  replaced.count++;
  return Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
}
