/**
 * What tells that bytes are the ones they were: 16 bytes by GMAC (NIST SP 800-38D), AES-GCM with nothing to encrypt.
 *
 * As a keyed universal hash two different texts of n bytes collide with a probability under n / 2^124, as good as never,
 * and a beginning of it as rarely as its length allows. It runs at 20 to 28 GB/s, where CRC-32 does 4 and SHA-256 does 2.
 * Key and nonce are the same each time, so that GCM's rule of one nonce for one message does not hold: its values are for
 * this log's own files and memory, and go nowhere else.
 */
import { createCipheriv, createSecretKey, hash } from "node:crypto";

export const MAC_BYTES = 16;
/** Up to here SHA-256 or CRC-32 is done before a MAC is set up (3 µs). */
export const SMALL_BYTES = 8 * 1024;
const NONCE = Buffer.alloc(12);

export interface RunningMac {
  add: (chunk: Uint8Array) => void;
  value: () => Buffer;
}

/** @param name whose values these are, the same over restarts */
export function createMac(name: string): () => RunningMac {
  const secret = hash("sha256", name, "buffer").subarray(0, MAC_BYTES);
  const key = createSecretKey(secret); // as bytes it would be set up for each text: 13 µs instead of 3
  return () => {
    const mac = createCipheriv("aes-128-gcm", key, NONCE);
    return {
      add: (chunk) => void mac.setAAD(chunk),
      value: () => {
        mac.final();
        return mac.getAuthTag();
      },
    };
  };
}
