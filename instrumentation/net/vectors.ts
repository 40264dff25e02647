/**
 * Answers of embedding models without most of their numbers: the first vector stays, so that its length is known, the
 * elements of all later ones are left out. What remains is valid JSON. Text that comes in pieces is read piece by piece.
 *
 * Only for such answers: a text that looks like a vector would be shortened too.
 */

interface VectorShortener {
  push(text: string): void;
  end(): void;
}

/** Vectors and base64 are longer, everything else that embedding APIs answer is shorter. */
const LONG = 256;
/** A first vector that has not ended by then is none. */
const HELD_LIMIT = 1024 * 1024;
/** A stretch of numbers in brackets, or of base64 in quotes; open at the end of a piece. */
const VECTOR = /\[[\s\d.,eE+-]*(?:\]|$)|"[\w+/=-]*(?:"|$)/g;

export function shortenVectors(keep: (text: string) => void): VectorShortener {
  let first = true;
  /** What may be the beginning of a vector. */
  let held = "";
  /** Inside a vector that is left out: what ends it. */
  let until: string | undefined;

  function push(piece: string): void {
    let text = held + piece;
    held = "";
    if (until !== undefined) {
      const end = text.indexOf(until);
      if (end < 0) return;
      text = text.slice(end);
      until = undefined;
      keep(text[0]!);
      text = text.slice(1);
    }
    let from = 0;
    for (const match of text.matchAll(VECTOR)) {
      const [vector] = match;
      const close = vector[0] === "[" ? "]" : '"';
      const closed = vector.length > 1 && vector.endsWith(close);
      keep(text.slice(from, match.index));
      from = match.index + vector.length;
      if (!closed && (first || vector.length < LONG)) held = vector;
      else if (first || vector.length < LONG) keep(vector);
      else keep(closed ? vector[0] + close : vector[0]!);
      if (closed && vector.length >= LONG) first = false;
      if (!closed && held === "") until = close;
    }
    keep(text.slice(from));
    if (held.length < HELD_LIMIT) return;
    keep(held);
    held = "";
  }

  return { push, end: () => keep(held) };
}
