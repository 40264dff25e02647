/** Chooses, among a span's attributes, the one that each field is read from. */
import type { WireReader } from "../otlp/wire.ts";
import { EMPTY, STRING } from "./any-value.ts";
import {
  FIELD_NAMES,
  FIELD_OF_KEY,
  PROMOTED_KEYS,
  RANK_OF_KEY,
  REDUNDANT_KEYS,
} from "./promoted.ts";
import type { SpanScan } from "./span-scan.ts";

const KNOWN_KEYS = PROMOTED_KEYS.length;
/** Typed, because the hot loop reads them. */
const fieldOfKey = Int16Array.from(FIELD_OF_KEY);
const rankOfKey = Int16Array.from(RANK_OF_KEY);

export const ABSENT = -1;

export class Selection {
  /** The attribute's index by field, or `ABSENT`. */
  readonly chosen = new Int32Array(FIELD_NAMES.length);
  /** Attributes that belong in the maps. */
  others = new Int32Array(64);
  otherCount = 0;

  settle(reader: WireReader, scan: SpanScan): void {
    this.chosen.fill(ABSENT);
    this.otherCount = 0;
    const count = scan.attributes;
    if (count > this.others.length) this.others = new Int32Array(count * 2);
    for (let index = 0; index < count; index++) {
      if (!scan.isPresent(index)) continue;
      const key = scan.key[index]!;
      if (key >= 0 && key < KNOWN_KEYS) this.#compete(reader, scan, index, key);
      else this.others[this.otherCount++] = index;
    }
  }

  #compete(reader: WireReader, scan: SpanScan, index: number, key: number): void {
    const type = scan.type[index]!;
    if (type === STRING && scan.valueAt[index] === scan.valueEnd[index]) return; // as good as absent
    if (type === EMPTY) {
      this.others[this.otherCount++] = index;
      return;
    }
    const field = fieldOfKey[key]!;
    const rival = this.chosen[field]!;
    if (rival === ABSENT) {
      this.chosen[field] = index;
      return;
    }
    const wins = rankOfKey[key]! < rankOfKey[scan.key[rival]!]!;
    const loser = wins ? rival : index;
    if (wins) this.chosen[field] = index;
    if (REDUNDANT_KEYS[scan.key[loser]!] || sameValue(reader.body, scan, index, rival)) return;
    this.others[this.otherCount++] = loser;
  }

  /** Gives an attribute back that does not fit its field. */
  spill(field: number): void {
    if (this.otherCount === this.others.length) {
      const others = new Int32Array(this.others.length * 2);
      others.set(this.others);
      this.others = others;
    }
    this.others[this.otherCount++] = this.chosen[field]!;
    this.chosen[field] = ABSENT;
  }

  /** Between blocks. */
  rest(): void {
    if (this.others.length > 1 << 16) this.others = new Int32Array(64);
  }
}

function sameValue(body: Uint8Array, scan: SpanScan, one: number, other: number): boolean {
  let left = scan.valueAt[one]!;
  let right = scan.valueAt[other]!;
  const end = scan.valueEnd[one]!;
  if (scan.type[one] !== scan.type[other]) return false;
  if (end - left !== scan.valueEnd[other]! - right) return false;
  while (left < end) if (body[left++] !== body[right++]) return false;
  return true;
}
