/**
 * ClickHouse's Native format: a block is the number of columns, the number of rows, and then, for each column, its
 * name, its type, its prefix (unless there are no rows) and its data. Nothing is copied here: the chunks are views of the columns' buffers.
 */
import type { Column } from "./column.ts";

export type TypedColumns = readonly (readonly [name: string, type: string, column: Column])[];

/** Everything of a block but the number of rows and the data never changes, so it is made once. */
export function createBlockWriter(columns: TypedColumns): (rows: number) => Uint8Array[] {
  const headers = columns.map(([name, type]) => Buffer.concat([text(name), text(type)]));
  const prefixed = columns.map(([, , { prefix }], index) =>
    Buffer.concat([headers[index]!, prefix]),
  );
  const columnCount = varint(columns.length);
  return (rows) => {
    const chunks: Uint8Array[] = [Buffer.concat([columnCount, varint(rows)])];
    columns.forEach(([, , column], index) => {
      chunks.push(rows === 0 ? headers[index]! : prefixed[index]!);
      column.finish(rows, chunks);
    });
    return chunks;
  };
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  while (value >= 0x80) {
    bytes.push((value % 0x80) | 0x80);
    value = Math.floor(value / 0x80);
  }
  return Buffer.from([...bytes, value]);
}

/** A string as the format has it: its length, then its bytes. */
function text(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(bytes.length), bytes]);
}
