/** What stands for a text where content is `hash`: enough to see that two texts are the same, and how long they are. */
import { createHmac, hash } from "node:crypto";
import type { Digest } from "./content-writer.ts";

/** Hashing more would hold up the service; texts that only differ after it have one hash. */
const HASHED_CHARACTERS = 1024 * 1024;
const HEX_DIGITS = 32;

/** @param key absent: a plain SHA-256, by which a short text can be guessed */
export function createDigest(key: string | undefined): Digest {
  const name = key ? "hmac" : "sha256";
  return (text) => {
    const start = text.slice(0, HASHED_CHARACTERS);
    const hex = key
      ? createHmac("sha256", key).update(start).digest("hex")
      : hash("sha256", start, "hex");
    return `[${name}:${hex.slice(0, HEX_DIGITS)}, ${text.length} characters]`;
  };
}
