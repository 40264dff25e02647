/**
 * Text is stored as valid UTF-8 only: invalid sequences become U+FFFD, as protobuf's own parsers do it.
 *
 * Short text is checked while it is copied (all its bytes or-ed together tell whether it is ASCII); the rest costs one
 * native call. `replaced.count` only ever grows: who wants to know whether a stretch of work replaced anything compares
 * before and after.
 */
import { isUtf8 } from "node:buffer";

export const replaced: { count: number } = { count: 0 };

/** The bytes themselves when they are valid, else a repaired copy. */
export function validUtf8(bytes: Uint8Array): Uint8Array {
  return isUtf8(bytes) ? bytes : repaired(bytes);
}

/** A copy of bytes that are not valid, with U+FFFD for what is wrong; counted. */
export function repaired(bytes: Uint8Array): Uint8Array {
  replaced.count++;
  return Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
}
