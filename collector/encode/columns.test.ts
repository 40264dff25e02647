import { expect, test } from "vitest";
import { ByteColumn } from "./byte-column.ts";
import type { Column } from "./column.ts";
import { StringColumn } from "./string-column.ts";
import { viewOf } from "./text-spot.ts";
import { WordColumn } from "./word-column.ts";

const ROWS = 40_000;

function finished(column: Column): Buffer {
  const chunks: Uint8Array[] = [];
  column.finish(ROWS, chunks);
  return Buffer.concat(chunks);
}

test("every value is there after the words have grown several times", () => {
  const column = new WordColumn(1);
  for (let row = 0; row < ROWS; row++) column.put(row, row * 3 + 1);
  const bytes = finished(column);
  const wrong = Array.from({ length: ROWS }, (_, row) => row).filter(
    (row) => bytes.readUInt32LE(row * 4) !== row * 3 + 1,
  );
  expect(wrong).toEqual([]);
});

test("64-bit values survive growth, and rows between them are 0", () => {
  const column = new WordColumn(2);
  for (let row = 0; row < ROWS; row += 7) column.put64(row, row, ROWS - row);
  const bytes = finished(column);
  const wrong = Array.from({ length: ROWS }, (_, row) => row).filter((row) => {
    const [low, high] = [bytes.readUInt32LE(row * 8), bytes.readUInt32LE(row * 8 + 4)];
    return row % 7 === 0 ? low !== row || high !== ROWS - row : low !== 0 || high !== 0;
  });
  expect(wrong).toEqual([]);
});

test.each([1, 2] as const)("values of %i bytes survive growth", (width) => {
  const column = new ByteColumn(width);
  const valueOf = (row: number): number => row % (width === 1 ? 251 : 65_521);
  for (let row = 0; row < ROWS; row++) column.put(row, valueOf(row));
  const bytes = finished(column);
  const read = (row: number): number => (width === 1 ? bytes[row]! : bytes.readUInt16LE(row * 2));
  const wrong = Array.from({ length: ROWS }, (_, row) => row).filter(
    (row) => read(row) !== valueOf(row),
  );
  expect(wrong).toEqual([]);
});

test("texts survive growth", () => {
  const column = new StringColumn();
  const texts = Array.from({ length: ROWS }, (_, row) => `text ${row}`);
  texts.forEach((text, row) => {
    const bytes = Buffer.from(text);
    column.put(row, bytes, viewOf(bytes), 0, bytes.length);
  });
  const bytes = finished(column);
  let at = 0;
  for (const text of texts) {
    expect(bytes.subarray(at + 1, at + 1 + bytes[at]!).toString()).toBe(text);
    at += 1 + bytes[at]!;
  }
  expect(at).toBe(bytes.length);
});
