import { expect, test } from "vitest";
import type { Column } from "./column.ts";
import { DictionaryColumn } from "./dictionary-column.ts";
import { ListColumn, SharedMapColumn } from "./list-column.ts";
import { createBlockWriter } from "./native.ts";
import { readBlock } from "./native-reading.ts";
import { StringColumn } from "./string-column.ts";
import { textSpot } from "./text-spot.ts";
import { replaced } from "./utf8.ts";

const NAME = "LowCardinality(String)";

function valuesOf(type: string, column: Column, rows: number): unknown[] {
  const chunks = createBlockWriter([["c", type, column]])(rows);
  const byteLength = Buffer.concat(chunks).length;
  return readBlock({ rows, repeats: 0, byteLength, chunks, rowsByDay: new Map() }).map(
    (row) => row["c"],
  );
}

test.each([200, 60_000, 70_000])("%i different texts, each twice, and rows without", (count) => {
  const column = new DictionaryColumn();
  const texts = Array.from({ length: count }, (_, i) => `text ${i}`);
  for (const [i, text] of texts.entries()) column.putSpot(i * 2, textSpot(text));
  const expected = texts.flatMap((text) => [text, ""]).slice(0, -1);
  for (const text of texts) {
    column.putSpot(expected.length, textSpot(text));
    expected.push(text);
  }
  const estimate = column.byteLength(expected.length);
  expect(valuesOf(NAME, column, expected.length)).toEqual(expected);
  const chunks: Uint8Array[] = [];
  column.finish(expected.length, chunks);
  expect(estimate).toBe(chunks[0]!.length);
  column.reset();
  expect(valuesOf(NAME, column, 2)).toEqual(["", ""]);
});

test("rows that are taken back leave no text behind", () => {
  const column = new DictionaryColumn();
  column.putSpot(0, textSpot("stays"));
  column.fillFrom(1, column.placeOfText(Buffer.from("filler")));
  column.putSpot(3, textSpot("goes"));
  column.truncate(3);
  const fewer = column.byteLength(3);
  column.putSpot(3, textSpot("new"));
  expect(column.byteLength(3) - fewer).toBe("new".length + 1);
  expect(valuesOf(NAME, column, 5)).toEqual(["stays", "filler", "filler", "new", ""]);
});

test("text that is not UTF-8 is repaired and counted each time; long text is kept", () => {
  const column = new DictionaryColumn();
  const before = replaced.count;
  const broken = { ...textSpot("ab"), bytes: Uint8Array.of(0x61, 0xff) };
  broken.view = new DataView(broken.bytes.buffer);
  for (let row = 0; row < 3; row++) column.putSpot(row, broken);
  expect(replaced.count - before).toBe(3);
  const long = "x".repeat(5_000);
  column.putSpot(3, textSpot(long));
  column.putSpot(4, textSpot("y"));
  column.putSpot(5, textSpot(long));
  expect(valuesOf(NAME, column, 6)).toEqual(["a\ufffd", "a\ufffd", "a\ufffd", long, "y", long]);
});

test("a map that runs of rows share, with a run taken back", () => {
  const column = new SharedMapColumn();
  const entriesOf = (entries: Record<string, string>) => {
    const values = new StringColumn();
    const keys = Object.keys(entries).map((key) => column.keys.placeOfText(Buffer.from(key)));
    Object.values(entries).forEach((value, row) => values.putValid(row, Buffer.from(value)));
    return { keys: Int32Array.from(keys), encodedValues: values.bytes.slice(0, values.at) };
  };
  column.fillFrom(1, entriesOf({ a: "1", b: "x".repeat(300) }));
  column.fillFrom(40, entriesOf({ gone: "2" }));
  column.truncate(41);
  column.fillFrom(42, entriesOf({ c: "3" }));
  const rows = valuesOf("Map(LowCardinality(String), String)", column, 44);
  const shared = new Map([
    ["a", "1"],
    ["b", "x".repeat(300)],
  ]);
  expect(rows.slice(0, 2)).toEqual([new Map(), shared]);
  expect(rows.slice(39)).toEqual([
    shared,
    new Map([["gone", "2"]]),
    new Map(),
    new Map([["c", "3"]]),
    new Map([["c", "3"]]),
  ]);
});

test("lists and their texts are taken back", () => {
  const column = new ListColumn([new StringColumn()]);
  const put = (row: number, text: string) =>
    column.entries[0].putValid(column.add(row), Buffer.from(text));
  put(0, "a");
  put(2, "b".repeat(200));
  put(2, "c");
  put(3, "gone");
  put(5, "gone");
  column.truncate(3);
  put(4, "d");
  expect(valuesOf("Array(String)", column, 6)).toEqual([
    ["a"],
    [],
    ["b".repeat(200), "c"],
    [],
    ["d"],
    [],
  ]);
});
