/**
 * JSON may write an ordinary character as an escape: `bob\u0040example.com`, `https:\/\/bob:secret@host`. Text in
 * which those are undone means the same, and scanners find what is in it. However often the text was encoded, the
 * backslashes before the escape belong to it.
 */

/** The quotation mark and the backslash stay: without their escape the text would be no JSON. */
const ESCAPED_ASCII = /\\{1,8}(?:u00([2-7][0-9a-fA-F])|\/)/g;

/** The same text with plain characters plain; the text itself when there is nothing to undo. */
export function withoutAsciiEscapes(text: string): string {
  if (!text.includes("\\u00") && !text.includes("\\/")) return text;
  return text.replace(ESCAPED_ASCII, (escape, hex: string | undefined) => {
    if (hex === undefined) return "/";
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return char === '"' || char === "\\" || char === "\u007f" ? escape : char;
  });
}
