/** What the checks find of the labelled set, type by type. */
import type { Check } from "../../instrumentation/guard/check.ts";
import { checks } from "../../instrumentation/guard/checks.ts";
import type { Range } from "../../instrumentation/redact.ts";
import { ALLOWED, CANARY, type Example } from "./example.ts";

/** Each looks for all that it can. */
export const CHECKS: readonly (readonly [check: Check, kinds: readonly string[]])[] = [
  [
    checks.pii({
      kinds: [
        "email",
        "phone",
        "card",
        "iban",
        "ssn",
        "routing_number",
        "nhs_number",
        "crypto_address",
        "ip",
      ] as never,
    }),
    [
      "email",
      "phone",
      "card",
      "iban",
      "ssn",
      "routing_number",
      "nhs_number",
      "crypto_address",
      "ip",
    ],
  ],
  [checks.secrets(), ["key", "password", "random"]],
  [checks.canary({ tokens: [CANARY] }), ["canary"]],
  [checks.urls({ allowed: ALLOWED }), ["host"]],
  [
    checks.promptInjection(),
    ["instruction_override", "prompt_leak", "role_hijack", "template_mark", "hidden_text"],
  ],
];

/** Where it is enough that something is found: a part of a leak or of an attempt tells of the whole. */
const IN_PART: ReadonlySet<string> = new Set(["canary", ...CHECKS[4]![1]]);

export interface Measured {
  check: string;
  kind: string;
  /** Places to be found, and those that were; what counts as such is said on the page. */
  places: number;
  caught: number;
  /** Finds of this type where there was nothing. */
  falseAlarms: number;
  /** Forms of which less than all was caught, with how many. */
  missed: ReadonlyMap<string, readonly [missed: number, of: number]>;
  /** What false alarms were about, with how many. */
  alarmed: ReadonlyMap<string, number>;
}

export function measure(examples: readonly Example[]): Measured[] {
  const rows = new Map<string, Row>();
  for (const [check, kinds] of CHECKS)
    for (const kind of kinds) rows.set(kind, new Row(check.name, kind));
  for (const example of examples)
    for (const [check, kinds] of CHECKS) look(example, check, kinds, rows);
  return [...rows.values()];
}

class Row implements Measured {
  readonly check: string;
  readonly kind: string;
  places = 0;
  caught = 0;
  falseAlarms = 0;
  readonly missed = new Map<string, [number, number]>();
  readonly alarmed = new Map<string, number>();

  constructor(check: string, kind: string) {
    this.check = check;
    this.kind = kind;
  }

  place(form: string, isCaught: boolean): void {
    this.places++;
    if (isCaught) this.caught++;
    const [missed, of] = this.missed.get(form) ?? [0, 0];
    this.missed.set(form, [missed + (isCaught ? 0 : 1), of + 1]);
  }

  alarm(about: string): void {
    this.falseAlarms++;
    this.alarmed.set(about, (this.alarmed.get(about) ?? 0) + 1);
  }
}

function look(
  example: Example,
  check: Check,
  kinds: readonly string[],
  rows: ReadonlyMap<string, Row>,
): void {
  const { text, kind, form } = example;
  const found: Range<string>[] = [];
  check.scan!.find(text, (range) => found.push(range));
  const expected = example.expect.map((value) => placeOf(value, text));
  if (kinds.includes(kind))
    for (const place of expected)
      rows.get(kind)!.place(form, IN_PART.has(kind) ? found.length > 0 : covers(found, place));
  for (const range of found)
    if (!expected.some(({ start, end }) => range.start < end && range.end > start))
      rows.get(range.label)?.alarm(`${kind}: ${form}`);
}

function placeOf(value: string, text: string): { start: number; end: number } {
  const start = text.indexOf(value);
  if (start === -1) throw new Error(`expected "${value}" in "${text}"`);
  return { start, end: start + value.length };
}

/** Whether nothing of the place is left outside of what was found. */
function covers(
  found: readonly Range<string>[],
  { start, end }: { start: number; end: number },
): boolean {
  let at = start;
  for (const range of found.toSorted((a, b) => a.start - b.start))
    if (range.start <= at && range.end > at) at = range.end;
  return at >= end;
}
