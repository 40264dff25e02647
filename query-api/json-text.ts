/** Text that usually is JSON: parsed where it is, kept as it came where it is not. */
export function jsonOrText(text: string): unknown {
  if (!/^\s*[[{"]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text; // Cut off or never JSON: shown as sent, nothing is lost.
  }
}
