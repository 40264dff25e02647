/** What a scanner finds: [start, end) in UTF-16 code units. */
export interface Range<L extends string = Label> {
  start: number;
  end: number;
  label: L;
}

export type Label = "email" | "phone" | "card" | "iban" | "key" | "password" | "ip";

/** Walks the text once, left to right. Its ranges do not overlap one another. */
export type Scanner<L extends string = Label> = (
  text: string,
  found: (range: Range<L>) => void,
) => void;
