/** Reading values of which only their sender knows the type. What is not what it should be reads as absent. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function fields(value: unknown): Fields | undefined {
  return isFields(value) ? value : undefined;
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Text that says something. */
export function text(value: unknown): string | undefined {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

const NUMERIC = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;
/** A number longer than this is none. */
const MAX_DIGITS = 40;

/** A number, also as text. */
export function number(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || value.length > MAX_DIGITS || !NUMERIC.test(value))
    return undefined;
  return Number(value);
}

/** JSON text as its value, everything else as it is. */
export function parsed(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const first = value.trimStart()[0];
  if (first === undefined || !'[{"0123456789tfn-'.includes(first)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value; // not JSON: the text is the value, nothing is lost
  }
}

/** The value at a path of members and indexes; JSON text is looked into at every step. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let current = value;
  for (const step of path) {
    const inner = parsed(current);
    if (Array.isArray(inner) && typeof step === "number") current = inner[step] as unknown;
    else if (isFields(inner) && Object.hasOwn(inner, step)) current = inner[step];
    else return undefined;
  }
  return current;
}
