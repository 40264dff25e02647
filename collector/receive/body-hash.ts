/**
 * What tells that two bodies are equal: 16 bytes, over the body as sent.
 *
 * Large bodies: GMAC (NIST SP 800-38D), AES-GCM with nothing to encrypt. As a keyed universal hash two different bodies
 * of n bytes collide with a probability under n / 2^124, as good as never, and it runs at 20 GB/s where SHA-256 does 2.
 * The key and the nonce are always the same and the result goes nowhere but into the resend window, so that GCM's rule
 * of one nonce for one message does not apply. Small bodies: SHA-256, which is quicker to set up.
 */
import { createCipheriv, createSecretKey, hash } from "node:crypto";

const HASH_BYTES = 16;
const SMALL_BYTES = 8 * 1024;
const NONCE = Buffer.alloc(12);

/** @param name whose hashes these are, the same over restarts */
export function createBodyHash(name: string): (body: Uint8Array) => Buffer {
  const secret = hash("sha256", `body hash of ${name}`, "buffer").subarray(0, HASH_BYTES);
  const key = createSecretKey(secret); // as bytes it would be set up for each body: 13 µs instead of 3
  return (body) => {
    if (body.byteLength <= SMALL_BYTES)
      return hash("sha256", body, "buffer").subarray(0, HASH_BYTES);
    const mac = createCipheriv("aes-128-gcm", key, NONCE);
    mac.setAAD(body);
    mac.final();
    return mac.getAuthTag();
  };
}
