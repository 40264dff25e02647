/**
 * Numbers of persons and accounts that the redaction of spans does not look for: US social security and bank routing
 * numbers, NHS numbers, crypto addresses. Each is taken only with its check digits right, and where those are weak (one
 * number in ten passes) only in its printed form or after a word that says what it is.
 */
import { createHash } from "node:crypto";
import { isWordStart } from "../../redact/json.ts";
import type { Scanner } from "../../redact/range.ts";

/** Area 000, 666 and 900 and above, group 00 and serial 0000 were never given out. */
const SSN =
  /(?!000|666|9)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}|(?!000|666|9)\d{3}(?!00)\d{2}(?!0000)\d{4}/g;
const CALLED_SSN =
  /(?:ssn|social security(?: number| no\.?)?)[^a-z0-9]{0,3}(?:is |was )?[^a-z0-9]{0,2}$/i;
/** Printed on cards and in advertisements. */
const KNOWN_FALSE = new Set(["078051120", "219099999", "123456789"]);

export const socialSecurityNumbers: Scanner<"ssn"> = (text, found) => {
  for (const match of text.matchAll(SSN)) {
    const end = match.index + match[0].length;
    if (!standsAlone(text, match.index, end)) continue;
    if (KNOWN_FALSE.has(match[0].replace(/\D/g, ""))) continue;
    if (match[1] !== "-" && !follows(CALLED_SSN, text, match.index)) continue;
    found({ start: match.index, end, label: "ssn" });
  }
};

const NINE_DIGITS = /\d{9}/g;
const CALLED_ROUTING =
  /(?:\baba|routing(?: number| no\.?)?|\brtn|transit(?: number| no\.?)?)[^a-z0-9]{0,3}(?:is |was )?[^a-z0-9]{0,2}$/i;

export const routingNumbers: Scanner<"routing_number"> = (text, found) => {
  for (const match of text.matchAll(NINE_DIGITS)) {
    const end = match.index + 9;
    if (!standsAlone(text, match.index, end) || !follows(CALLED_ROUTING, text, match.index))
      continue;
    if (isRoutingNumber(match[0])) found({ start: match.index, end, label: "routing_number" });
  }
};

/** The Federal Reserve's districts are 00–12, 21–32 (thrift), 61–72 (electronic) and 80. */
export function isRoutingNumber(digits: string): boolean {
  if (!/^(?:0\d|1[0-2]|2[1-9]|3[0-2]|6[1-9]|7[0-2]|80)/.test(digits)) return false;
  return weighted(digits, [3, 7, 1, 3, 7, 1, 3, 7, 1]) % 10 === 0;
}

const NHS = /\d{3}([ -])\d{3}\1\d{4}|\d{10}/g;
const CALLED_NHS = /\bnhs(?: number| no\.?)?[^a-z0-9]{0,3}(?:is |was )?[^a-z0-9]{0,2}$/i;

export const nhsNumbers: Scanner<"nhs_number"> = (text, found) => {
  for (const match of text.matchAll(NHS)) {
    const end = match.index + match[0].length;
    if (!standsAlone(text, match.index, end) || !follows(CALLED_NHS, text, match.index)) continue;
    if (isNhsNumber(match[0].replace(/\D/g, "")))
      found({ start: match.index, end, label: "nhs_number" });
  }
};

/** Weights 10 to 2; 11 less the sum's rest is the last digit, where 11 is 0 and 10 is none. */
export function isNhsNumber(digits: string): boolean {
  const check = (11 - (weighted(digits, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 11;
  return digits.length === 10 && check === Number(digits.charAt(9));
}

function weighted(digits: string, weights: readonly number[]): number {
  return weights.reduce((sum, weight, at) => sum + weight * Number(digits.charAt(at)), 0);
}

const LONGEST_ADDRESS = 90;
const ADDRESS = /0x[0-9a-fA-F]{40}|bc1[02-9ac-hj-np-z]{11,86}|[13][1-9A-HJ-NP-Za-km-z]{25,34}/g;

export const cryptoAddresses: Scanner<"crypto_address"> = (text, found) => {
  for (const match of text.matchAll(ADDRESS)) {
    const [address] = match;
    const end = match.index + address.length;
    if (address.length > LONGEST_ADDRESS || !standsAlone(text, match.index, end)) continue;
    const isOne =
      address.startsWith("0x") ||
      (address.startsWith("bc1") ? isBech32(address) : isBase58Check(address));
    if (isOne) found({ start: match.index, end, label: "crypto_address" });
  }
};

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** 25 bytes, the last four of which begin the double SHA-256 of the others. */
function isBase58Check(address: string): boolean {
  let number = 0n;
  for (const char of address) number = number * 58n + BigInt(BASE58.indexOf(char));
  const hex = number.toString(16);
  if (hex.length > 50) return false;
  const bytes = Buffer.from(hex.padStart(50, "0"), "hex");
  const sum = sha256(sha256(bytes.subarray(0, 21)));
  return sum.subarray(0, 4).equals(bytes.subarray(21));
}

const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

const BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
/** BIP 173 and, from witness version 1 on, BIP 350. */
const CONSTANTS = new Set([1, 0x2bc830a3]);
/** "bc", expanded as the checksum wants it. */
const HUMAN_READABLE: readonly number[] = [3, 3, 0, 2, 3];

export function isBech32(address: string): boolean {
  const values = Array.from(address.slice(3)).map((char) => BECH32.indexOf(char));
  let sum = 1;
  for (const value of HUMAN_READABLE.concat(values)) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    GENERATOR.forEach((term, bit) => {
      if ((top >>> bit) & 1) sum ^= term;
    });
  }
  return CONSTANTS.has(sum >>> 0);
}

/** Not within a word, a longer number, a UUID, a decimal or a path. */
function standsAlone(text: string, start: number, end: number): boolean {
  if (!isWordStart(text, start) || /[A-Za-z0-9_]/.test(text.charAt(end))) return false;
  if (/[-.+/]/.test(text.charAt(start - 1)) && /[A-Za-z0-9]/.test(text.charAt(start - 2)))
    return false;
  return !(/[-./]/.test(text.charAt(end)) && /[A-Za-z0-9]/.test(text.charAt(end + 1)));
}

function follows(words: RegExp, text: string, at: number): boolean {
  return words.test(text.slice(Math.max(0, at - 40), at));
}
