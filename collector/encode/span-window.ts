/**
 * The last quarter of a million spans and up to twice as many, to know one that comes again in another request: a client
 * that got no answer may cut its spans into other requests than the first time, and then no request equals an earlier one.
 *
 * A span comes again when its trace id, span id, end, length and bytes do. All but the bytes are kept and compared; of the
 * bytes a checksum, which only decides between spans of one id. So a span that is sent when it starts and again when it
 * ends, or with other attributes, is kept each time. What is seen at its own place a second time is no repeat: its block
 * is being made again.
 *
 * Two tables of `SPANS` each: when the younger is full, it takes the place of the older. Slots are probed a few times
 * only; a span that finds none is not remembered, which costs its repeat a second row and nothing else.
 *
 * In memory: after a restart it is filled again from what the log still has (`Encoder.remember`).
 */
import { randomInt } from "node:crypto";
import { crc32 } from "node:zlib";
import type { SpanScan } from "./span-scan.ts";

/** Of 48 bytes: 24 MiB a table, when it is full. */
const SLOTS = 1 << 19;
const SPANS = SLOTS / 2;
const PROBES = 64;

/** A slot: trace id, span id, end, checksum, length (0: the slot is free), then number of the record and index in it. */
const TRACE_ID_WORDS = 4;
const ID_WORDS = 6;
const KEY_WORDS = 10;
const CHECKSUM = 8;
const LENGTH = 9;
const SEQ = 10;
const INDEX = 11;
const SLOT_WORDS = 12;

export class SpanWindow {
  /** Chosen anew by each process: nobody can send ids that all want one slot. */
  readonly #seed = randomInt(2 ** 31);
  readonly #key = new Int32Array(KEY_WORDS);
  #younger = new Int32Array(SLOTS * SLOT_WORDS);
  #older = new Int32Array(SLOTS * SLOT_WORDS);
  #spans = 0;

  /**
   * Whether the scanned span has come before, at another place; if it never came it is remembered.
   * @param body what was scanned
   * @param sent the record's bytes, in which the span lies as it was sent
   * @param seq number of its record in the log
   * @param index its place in that record
   */
  isRepeat(
    scan: Pick<SpanScan, "traceIdAt" | "spanIdAt" | "endLow" | "endHigh">,
    body: Uint8Array,
    sent: { body: Uint8Array; at: number; end: number },
    seq: number,
    index: number,
  ): boolean {
    const key = this.#key;
    putId(key, 0, body, scan.traceIdAt, TRACE_ID_WORDS);
    putId(key, TRACE_ID_WORDS, body, scan.spanIdAt, ID_WORDS - TRACE_ID_WORDS);
    key[ID_WORDS] = scan.endLow;
    key[ID_WORDS + 1] = scan.endHigh;
    key[CHECKSUM] = crc32(sent.body.subarray(sent.at, sent.end));
    key[LENGTH] = sent.end - sent.at;
    const first = this.#firstSlot();
    for (const table of [this.#younger, this.#older]) {
      const at = find(table, key, first);
      if (at >= 0) return table[at + SEQ] !== (seq | 0) || table[at + INDEX] !== index;
    }
    this.#remember(first, seq, index);
    return false;
  }

  /** For when a span that came may not be stored: it may come again. */
  forget(): void {
    this.#younger.fill(0);
    this.#older.fill(0);
    this.#spans = 0;
  }

  #firstSlot(): number {
    let hash = this.#seed;
    for (const word of this.#key) {
      hash = Math.imul(hash ^ word, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0x85ebca6b);
    return (hash ^ (hash >>> 13)) & (SLOTS - 1);
  }

  #remember(first: number, seq: number, index: number): void {
    if (this.#spans === SPANS) {
      [this.#younger, this.#older] = [this.#older.fill(0), this.#younger];
      this.#spans = 0;
    }
    const table = this.#younger;
    for (let probe = 0; probe < PROBES; probe++) {
      const at = ((first + probe) & (SLOTS - 1)) * SLOT_WORDS;
      if (table[at + LENGTH] !== 0) continue;
      table.set(this.#key, at);
      table[at + SEQ] = seq;
      table[at + INDEX] = index;
      this.#spans++;
      return;
    }
  }
}

/** Where in `table` the key stands; -1 when it does not. */
function find(table: Int32Array, key: Int32Array, first: number): number {
  for (let probe = 0; probe < PROBES; probe++) {
    const at = ((first + probe) & (SLOTS - 1)) * SLOT_WORDS;
    if (table[at + LENGTH] === 0) return -1;
    let same = 0;
    while (same < KEY_WORDS && table[at + same] === key[same]) same++;
    if (same === KEY_WORDS) return at;
  }
  return -1;
}

function putId(key: Int32Array, to: number, body: Uint8Array, at: number, words: number): void {
  for (let word = 0; word < words; word++, at += 4)
    key[to + word] =
      body[at]! | (body[at + 1]! << 8) | (body[at + 2]! << 16) | (body[at + 3]! << 24);
}
