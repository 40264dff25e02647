/** Redacts JSON string by string, for when a pattern of the user's own would cut it between its quotation marks. */

const DEEPEST = 64;

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether the text could be an object, an array or a string of JSON. */
export function looksLikeJson(text: string): boolean {
  const first = /^\s{0,64}(.)/.exec(text)?.[1];
  return first === "{" || first === "[" || first === '"';
}

/** JSON with every string, name and number given to `redact`. Numbers that change become 0, deep values null. */
export function redactLeaves(json: string, redact: (text: string) => string): string {
  return JSON.stringify(redacted(JSON.parse(json), redact, 0));
}

function redacted(value: unknown, redact: (text: string) => string, depth: number): unknown {
  if (depth > DEEPEST) return null;
  if (typeof value === "string") return redact(value);
  if (typeof value === "number") {
    const text = String(value);
    return redact(text) === text ? value : 0;
  }
  if (Array.isArray(value)) return value.map((item) => redacted(item, redact, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [redact(name), redacted(item, redact, depth + 1)]),
  );
}
