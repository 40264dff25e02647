/**
 * Leaves spans out of a request and keeps every other byte.
 *
 * A request is envelopes in envelopes: request → resource → scope → span (logs have the same field numbers down to the
 * log record). What remains is copied as it came: spans, resources, scopes, schema URLs, and fields that nobody here
 * knows. Only the lengths of the envelopes around a span that went are written anew; an envelope whose last span
 * went goes as well, and one that never had a span stays.
 */
import { WireReader } from "../otlp/wire.ts";

export interface Selection {
  body: Uint8Array;
  spans: number;
}

/** Decides on one span: its index in the order of the wire, and where its bytes are in the body. */
export type Keep = (index: number, start: number, end: number) => boolean;

interface Piece {
  chunks: Uint8Array[];
  bytes: number;
  kept: number;
  dropped: number;
}

/** Field numbers and wire types of the envelope inside, by depth: resource envelopes, scope envelopes, spans. */
const INNER_TAGS = [0x0a, 0x12, 0x12] as const;
const SPAN_DEPTH = INNER_TAGS.length - 1;

const reader = new WireReader();

/**
 * `enter` is told of each resource envelope before its spans are decided.
 * @throws PermanentError when the body is malformed
 */
export function selectSpans(
  body: Uint8Array,
  keep: Keep,
  enter: (start: number, end: number) => void = () => undefined,
): Selection {
  let index = 0;

  function select(depth: number, start: number, end: number): Piece {
    const piece: Piece = { chunks: [], bytes: 0, kept: 0, dropped: 0 };
    let copied = start;
    const copyTo = (at: number) => {
      if (at > copied) add(piece, body.subarray(copied, at));
    };
    reader.at = start;
    while (reader.at < end) {
      const fieldStart = reader.at;
      const tag = reader.tag(end);
      if (tag !== INNER_TAGS[depth]) {
        reader.skip(tag, end);
        continue;
      }
      const innerEnd = reader.delimited(end);
      const inner = selectInner(depth, reader.at, innerEnd);
      reader.at = innerEnd;
      piece.kept += inner.kept;
      piece.dropped += inner.dropped;
      if (inner.dropped === 0) continue;
      copyTo(fieldStart);
      if (inner.kept > 0) addEnvelope(piece, tag, inner);
      copied = innerEnd;
    }
    copyTo(end);
    return piece;
  }

  function selectInner(depth: number, start: number, end: number): Piece {
    if (depth < SPAN_DEPTH) {
      if (depth === 0) enter(start, end);
      return select(depth + 1, start, end);
    }
    const isKept = keep(index++, start, end);
    return { chunks: [], bytes: 0, kept: isKept ? 1 : 0, dropped: isKept ? 0 : 1 };
  }

  reader.reset(body);
  const { chunks, kept, dropped } = select(0, 0, body.length);
  return { body: dropped === 0 ? body : Buffer.concat(chunks), spans: kept };
}

/** The first and the second half of a request's spans. */
export function halves(body: Uint8Array, spans: number): [Selection, Selection] {
  const middle = Math.ceil(spans / 2);
  return [
    selectSpans(body, (index) => index < middle),
    selectSpans(body, (index) => index >= middle),
  ];
}

function add(piece: Piece, chunk: Uint8Array): void {
  piece.chunks.push(chunk);
  piece.bytes += chunk.length;
}

function addEnvelope(piece: Piece, tag: number, inner: Piece): void {
  add(piece, Uint8Array.from([tag, ...varint(inner.bytes)]));
  for (const chunk of inner.chunks) add(piece, chunk);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return bytes;
}
