/** Attributes without a column of their own: a typed map each, so that they can be searched as what they are. */
import type { WireReader } from "../otlp/wire.ts";
import { ANOMALY } from "./anomalies.ts";
import { BOOL, DEPTH_LIMIT, DOUBLE, INT, readBool, STRING, writeValue } from "./any-value.ts";
import type { DictionaryColumn } from "./dictionary-column.ts";
import { NOT_FOUND } from "./interner.ts";
import { JsonSink } from "./json-sink.ts";
import type { Columns } from "./layout.ts";
import type { SpanScan } from "./span-scan.ts";
import { replaced } from "./utf8.ts";

/** Where the keys are in a map's dictionary, by their number in `SpanScan.keys`. */
class KeyPlaces {
  readonly #column: DictionaryColumn;
  /** 0 where it has not been asked for in this block; the empty key, whose place it is, is asked for each time. */
  readonly #places: Int32Array;

  constructor(column: DictionaryColumn, keys: number) {
    this.#column = column;
    this.#places = new Int32Array(keys);
  }

  forget(): void {
    this.#places.fill(0);
  }

  put(entry: number, reader: WireReader, scan: SpanScan, index: number): void {
    const key = scan.key[index]!;
    const known = key === NOT_FOUND ? 0 : this.#places[key]!;
    this.#column.putPlace(entry, known === 0 ? this.#find(reader, scan, index, key) : known);
  }

  #find(reader: WireReader, scan: SpanScan, index: number, key: number): number {
    const { body, view } = reader;
    const before = replaced.count;
    const place = this.#column.placeOf(body, view, scan.keyAt[index]!, scan.keyEnd[index]!);
    // A key that had to be repaired counts for each span that has it.
    if (key !== NOT_FOUND && replaced.count === before) this.#places[key] = place;
    return place;
  }
}

export class AttributeMaps {
  readonly #columns: Columns;
  readonly #json = new JsonSink();
  readonly #strings: KeyPlaces;
  readonly #ints: KeyPlaces;
  readonly #doubles: KeyPlaces;
  readonly #bools: KeyPlaces;
  readonly #others: KeyPlaces;

  /** `keys` is how many numbers there are for attribute keys. */
  constructor(columns: Columns, keys: number) {
    this.#columns = columns;
    this.#strings = new KeyPlaces(columns.attrs_string.entries[0], keys);
    this.#ints = new KeyPlaces(columns.attrs_int.entries[0], keys);
    this.#doubles = new KeyPlaces(columns.attrs_double.entries[0], keys);
    this.#bools = new KeyPlaces(columns.attrs_bool.entries[0], keys);
    this.#others = new KeyPlaces(columns.attrs_json.entries[0], keys);
  }

  /** Places are good within one block, and while no row is taken back. */
  forgetPlaces(): void {
    this.#strings.forget();
    this.#ints.forget();
    this.#doubles.forget();
    this.#bools.forget();
    this.#others.forget();
  }

  /** Writes an attribute to the map of its type; returns anomalies. */
  put(row: number, reader: WireReader, scan: SpanScan, index: number): number {
    const { body, view } = reader;
    const at = scan.valueAt[index]!;
    const end = scan.valueEnd[index]!;
    switch (scan.type[index]) {
      case STRING: {
        const map = this.#columns.attrs_string;
        const entry = map.add(row);
        this.#strings.put(entry, reader, scan, index);
        map.entries[1].put(entry, body, view, at, end);
        return 0;
      }
      case INT: {
        const map = this.#columns.attrs_int;
        const entry = map.add(row);
        this.#ints.put(entry, reader, scan, index);
        reader.at = at;
        reader.varint64(end);
        map.entries[1].put64(entry, reader.low, reader.high);
        return 0;
      }
      case DOUBLE: {
        const map = this.#columns.attrs_double;
        const entry = map.add(row);
        this.#doubles.put(entry, reader, scan, index);
        map.entries[1].put64(entry, view.getUint32(at, true), view.getUint32(at + 4, true));
        return 0;
      }
      case BOOL: {
        const map = this.#columns.attrs_bool;
        const entry = map.add(row);
        this.#bools.put(entry, reader, scan, index);
        map.entries[1].put(entry, readBool(reader, at, end) ? 1 : 0);
        return 0;
      }
      default:
        return this.#putJson(row, reader, scan, index);
    }
  }

  #putJson(row: number, reader: WireReader, scan: SpanScan, index: number): number {
    const spot = {
      type: scan.type[index]!,
      at: scan.valueAt[index]!,
      end: scan.valueEnd[index]!,
      hasStringIndex: false,
    };
    this.#json.clear();
    const whole = writeValue(this.#json, reader, spot, "otlp");
    const map = whole ? this.#columns.attrs_json : this.#columns.attrs_string;
    const entry = map.add(row);
    (whole ? this.#others : this.#strings).put(entry, reader, scan, index);
    map.entries[1].putValid(entry, whole ? this.#json.taken() : DEPTH_LIMIT);
    return whole ? 0 : ANOMALY.depthLimit;
  }
}
