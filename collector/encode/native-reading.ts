/** For tests: reads a Native block back into rows, as slowly and plainly as the format allows. */
import type { EncodedBlock } from "../stages.ts";

export type Row = Record<string, unknown>;

class Bytes {
  readonly #buffer: Buffer;
  at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get atEnd(): boolean {
    return this.at === this.#buffer.length;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#buffer.readUInt8(this.at++);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  take(length: number): Buffer {
    const bytes = this.#buffer.subarray(this.at, (this.at += length));
    if (bytes.length !== length) throw new Error("block cut short");
    return bytes;
  }

  text(): string {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      this.take(this.varint()),
    );
  }
}

type Read = (bytes: Bytes) => unknown;

const SCALARS: Record<string, Read> = {
  String: (bytes) => bytes.text(),
  Bool: (bytes) => bytes.take(1).readUInt8() === 1,
  UInt16: (bytes) => bytes.take(2).readUInt16LE(),
  UInt32: (bytes) => bytes.take(4).readUInt32LE(),
  Int32: (bytes) => bytes.take(4).readInt32LE(),
  UInt64: (bytes) => bytes.take(8).readBigUInt64LE(),
  Int64: (bytes) => bytes.take(8).readBigInt64LE(),
  Float64: (bytes) => bytes.take(8).readDoubleLE(),
  "DateTime64(9, 'UTC')": (bytes) => bytes.take(8).readBigInt64LE(),
  "DateTime64(3, 'UTC')": (bytes) => bytes.take(8).readBigInt64LE(),
  "FixedString(16)": (bytes) => bytes.take(16).toString("hex"),
  "FixedString(8)": (bytes) => bytes.take(8).toString("hex"),
  "Decimal(38, 12)": (bytes) =>
    bytes.take(8).readBigUInt64LE() + (bytes.take(8).readBigInt64LE() << 64n),
};

export function readBlock(block: EncodedBlock): Row[] {
  const bytes = new Bytes(Buffer.concat(block.chunks));
  const columns = bytes.varint();
  const count = bytes.varint();
  const rows: Row[] = Array.from({ length: count }, () => ({}));
  for (let column = 0; column < columns; column++) {
    const name = bytes.text();
    const type = bytes.text();
    if (count > 0) readPrefixes(bytes, type);
    readColumn(bytes, type, count).forEach((value, row) => (rows[row]![name] = value));
  }
  if (!bytes.atEnd) throw new Error("bytes after the last column");
  return rows;
}

/** Each LowCardinality has its version before the column's data. */
function readPrefixes(bytes: Bytes, type: string): void {
  for (const _ of type.matchAll(/LowCardinality/g)) {
    if (bytes.take(8).readBigUInt64LE() !== 1n) throw new Error("not version 1");
  }
}

/** A dictionary, then the place of each value in it. */
function readPlaces(bytes: Bytes, count: number): unknown[] {
  if (count === 0) return [];
  const flags = Number(bytes.take(8).readBigUInt64LE());
  if (flags >> 8 !== 6) throw new Error("not a dictionary of the block's own");
  const size = Number(bytes.take(8).readBigUInt64LE());
  const texts = Array.from({ length: size }, () => bytes.text());
  if (texts[0] !== "") throw new Error("the dictionary must begin with the default");
  if (Number(bytes.take(8).readBigUInt64LE()) !== count) throw new Error("wrong number of places");
  const width = 1 << (flags & 0xff);
  return Array.from({ length: count }, () => {
    const place = bytes.take(width).readUIntLE(0, width);
    if (place >= size) throw new Error("a place beyond the dictionary");
    return texts[place];
  });
}

function readColumn(bytes: Bytes, type: string, count: number): unknown[] {
  if (type === "LowCardinality(String)") return readPlaces(bytes, count);
  const [, outer, inner = ""] = /^(Nullable|Array|Map)\((.*)\)$/.exec(type) ?? [];
  if (outer === "Nullable") {
    const nulls = [...bytes.take(count)];
    const values = readColumn(bytes, inner, count);
    return values.map((value, row) => (nulls[row] === 1 ? null : value));
  }
  if (type.startsWith("Enum8")) {
    const names = new Map(
      Array.from(type.matchAll(/'(\w+)' = (\d+)/g), (m) => [Number(m[2]), m[1]]),
    );
    return Array.from(bytes.take(count), (number) => names.get(number));
  }
  if (outer === undefined) {
    const read = SCALARS[type];
    if (read === undefined) throw new Error(`no such type: ${type}`);
    return Array.from({ length: count }, () => read(bytes));
  }
  const ends = Array.from({ length: count }, () => Number(bytes.take(8).readBigUInt64LE()));
  const total = ends.at(-1) ?? 0;
  const lists =
    outer === "Map" ? readEntries(bytes, inner, total) : readColumn(bytes, inner, total);
  return ends.map((end, row) => {
    const entries = lists.slice(row === 0 ? 0 : ends[row - 1], end);
    return outer === "Map" ? new Map(entries as [unknown, unknown][]) : entries;
  });
}

function readEntries(bytes: Bytes, inner: string, total: number): [unknown, unknown][] {
  const [keyType = "", valueType = ""] = inner.split(", ");
  const keys = readColumn(bytes, keyType, total);
  const values = readColumn(bytes, valueType, total);
  return keys.map((key, index) => [key, values[index]]);
}
