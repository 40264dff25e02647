/** A moment as commands take it. */
const RELATIVE = /^now(?:-(\d{1,4})([hd]))?$/;

/** In unix milliseconds. @throws naming the option, unless `text` is RFC 3339 or like now-7d */
export function timeOption(option: string, text: string | undefined, nowMs: number): number {
  const relative = RELATIVE.exec(text ?? "");
  if (relative)
    return nowMs - Number(relative[1] ?? 0) * (relative[2] === "h" ? 3_600_000 : 86_400_000);
  const ms = Date.parse(text ?? "");
  if (Number.isNaN(ms))
    throw new Error(`${option}: expected RFC 3339 or like now-7d, got "${text ?? ""}"`);
  return ms;
}
