/** Attributes without a column of their own: a typed map each, so that they can be searched as what they are. */
import type { WireReader } from "../otlp/wire.ts";
import { ANOMALY } from "./anomalies.ts";
import { BOOL, DEPTH_LIMIT, DOUBLE, INT, readBool, STRING, writeValue } from "./any-value.ts";
import { JsonSink } from "./json-sink.ts";
import type { Columns } from "./layout.ts";
import type { SpanScan } from "./span-scan.ts";

export class AttributeMaps {
  readonly #columns: Columns;
  readonly #json = new JsonSink();

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  /** Writes an attribute to the map of its type; returns anomalies. */
  put(row: number, reader: WireReader, scan: SpanScan, index: number): number {
    const body = reader.body;
    const keyAt = scan.keyAt[index]!;
    const keyEnd = scan.keyEnd[index]!;
    const at = scan.valueAt[index]!;
    const end = scan.valueEnd[index]!;
    switch (scan.type[index]) {
      case STRING: {
        const map = this.#columns.attrs_string;
        const entry = map.add(row);
        map.entries[0].put(entry, body, keyAt, keyEnd);
        map.entries[1].put(entry, body, at, end);
        return 0;
      }
      case INT: {
        const map = this.#columns.attrs_int;
        const entry = map.add(row);
        map.entries[0].put(entry, body, keyAt, keyEnd);
        reader.at = at;
        reader.varint64(end);
        map.entries[1].put64(entry, reader.low, reader.high);
        return 0;
      }
      case DOUBLE: {
        const map = this.#columns.attrs_double;
        const entry = map.add(row);
        map.entries[0].put(entry, body, keyAt, keyEnd);
        const { view } = reader;
        map.entries[1].put64(entry, view.getUint32(at, true), view.getUint32(at + 4, true));
        return 0;
      }
      case BOOL: {
        const map = this.#columns.attrs_bool;
        const entry = map.add(row);
        map.entries[0].put(entry, body, keyAt, keyEnd);
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
    map.entries[0].put(entry, reader.body, scan.keyAt[index]!, scan.keyEnd[index]!);
    map.entries[1].putValid(entry, whole ? this.#json.taken() : DEPTH_LIMIT);
    return whole ? 0 : ANOMALY.depthLimit;
  }
}
