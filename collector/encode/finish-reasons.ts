/** Why a model stopped: a list of texts, one text, or a JSON array of texts in a text; in the conventions' words. */
import { FINISH_REASONS, finishReason } from "../finish-reason.ts";
import type { WireReader } from "../otlp/wire.ts";
import { ANOMALY } from "./anomalies.ts";
import { nextEntry, readElement, STRING } from "./any-value.ts";
import type { Columns } from "./layout.ts";
import { utf8 } from "./scalar.ts";
import { Interner } from "./interner.ts";
import { textSpot, type TextSpot } from "./text-spot.ts";

/** A text longer than this is taken as one reason, not as JSON. */
const MAX_JSON_TEXT = 4096;

type Column = Columns["finish_reasons"];

const WORDS = Object.keys(FINISH_REASONS);
const SPOTS = Object.values(FINISH_REASONS).map(textSpot);
const known = new Interner(WORDS, WORDS.length);

/** Writes an ArrayValue's elements; returns anomalies. */
export function putReasonList(
  column: Column,
  row: number,
  reader: WireReader,
  at: number,
  end: number,
): number {
  let anomalies = 0;
  reader.at = at;
  for (let next = nextEntry(reader, end); next >= 0; next = nextEntry(reader, end)) {
    const reason = readElement(reader, next);
    const entry = column.add(row);
    if (reason.type === STRING) {
      putReason(column, entry, {
        bytes: reader.body,
        view: reader.view,
        at: reason.at,
        end: reason.end,
      });
    } else {
      column.entries[0].putPlace(entry, 0);
      anomalies |= ANOMALY.invalidValue;
    }
    reader.at = next;
  }
  return anomalies;
}

/** Writes a text: one reason, or a JSON array of them. */
export function putReasonText(
  column: Column,
  row: number,
  { body, view }: WireReader,
  at: number,
  end: number,
): void {
  const mayBeJson = body[at] === 0x5b && end - at <= MAX_JSON_TEXT;
  const list = mayBeJson ? jsonTexts(utf8(body, at, end)) : undefined;
  const [reasons] = column.entries;
  if (list === undefined) putReason(column, column.add(row), { bytes: body, view, at, end });
  else for (const reason of list) reasons.putSpot(column.add(row), textSpot(finishReason(reason)));
}

function putReason(column: Column, entry: number, { bytes, view, at, end }: TextSpot): void {
  const word = known.find(bytes, view, at, end);
  const [reasons] = column.entries;
  if (word >= 0) reasons.putSpot(entry, SPOTS[word]!);
  else reasons.put(entry, bytes, view, at, end);
}

/** The texts of a JSON array of texts; undefined for everything else. */
function jsonTexts(text: string): string[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    if (!Array.isArray(list)) return undefined;
    return list.every((item) => typeof item === "string") ? list : undefined;
  } catch {
    return undefined; // not JSON: the text itself is the one reason
  }
}
