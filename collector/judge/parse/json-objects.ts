/**
 * The JSON objects in a model's answer, which may have words or a fence around them and the slips that models make:
 * line breaks inside a text, a backslash that escapes nothing (LaTeX), a comma too many, Python's True, False, None.
 * Each has one reading only, so nothing is guessed: what is cut off or quoted otherwise is not repaired.
 */

/** More would be no answer; and a text of nothing but braces takes no time. */
const MOST_OBJECTS = 8;
const MOST_STARTS = 64;

/** The outermost ones, in order. */
export function jsonObjects(text: string): unknown[] {
  const found: unknown[] = [];
  let starts = 0;
  for (let at = text.indexOf("{"); at >= 0; at = text.indexOf("{", at)) {
    const end = endOfObject(text, at);
    const value = end < 0 ? undefined : parsed(text.slice(at, end));
    if (value === undefined) at++;
    else {
      found.push(value);
      at = end;
    }
    if (found.length >= MOST_OBJECTS || ++starts >= MOST_STARTS) break;
  }
  return found;
}

function parsed(text: string): unknown {
  for (const attempt of [text, repaired(text)])
    try {
      return JSON.parse(attempt) as unknown;
    } catch {
      // Not JSON: the next reading, or none.
    }
  return undefined;
}

/** After the brace that closes the one at `at`; -1 when none does. */
function endOfObject(text: string, at: number): number {
  let depth = 0;
  let inText = false;
  for (let i = at; i < text.length; i++) {
    const char = text[i];
    if (inText) {
      if (char === "\\") i++;
      else if (char === '"') inText = false;
    } else if (char === '"') inText = true;
    else if (char === "{") depth++;
    else if (char === "}" && --depth === 0) return i + 1;
  }
  return -1;
}

/** Texts, and what stands between them, each by itself. */
function repaired(text: string): string {
  return text.replace(/"(?:[^"\\]|\\[\s\S])*"|[^"]+/g, (part) =>
    part.startsWith('"') ? repairedText(part) : repairedBetween(part),
  );
}

function repairedText(part: string): string {
  return part
    .replace(/\\(?:u[\da-fA-F]{4}|["\\/bfnrt])|\\/g, (escape) =>
      escape === "\\" ? "\\\\" : escape,
    )
    .replace(/\p{Cc}/gu, (char) => JSON.stringify(char).slice(1, -1));
}

const PYTHON = new Map([
  ["True", "true"],
  ["False", "false"],
  ["None", "null"],
]);

function repairedBetween(part: string): string {
  return part
    .replace(/\b(?:True|False|None)\b/g, (word) => PYTHON.get(word)!)
    .replace(/,(\s*[}\]])/g, "$1");
}
