/** What a scanner finds: [start, end) in UTF-16 code units. */
export interface Range<L extends string = Label> {
  start: number;
  end: number;
  label: L;
}

export const LABELS = ["email", "phone", "card", "iban", "key", "password", "ip"] as const;

export type Label = (typeof LABELS)[number];

/** Walks the text once, left to right. Its ranges do not overlap one another. */
export type Scanner = (text: string, found: (range: Range) => void) => void;
