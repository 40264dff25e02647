/** What tells that two bodies are equal: 16 bytes, over the body as sent. For small ones SHA-256 is quicker than a MAC. */
import { hash } from "node:crypto";
import { createMac, MAC_BYTES, SMALL_BYTES } from "../mac.ts";

/** @param name whose hashes these are, the same over restarts */
export function createBodyHash(name: string): (body: Uint8Array) => Buffer {
  const begin = createMac(`body hash of ${name}`);
  return (body) => {
    if (body.byteLength <= SMALL_BYTES)
      return hash("sha256", body, "buffer").subarray(0, MAC_BYTES);
    const mac = begin();
    mac.add(body);
    return mac.value();
  };
}
