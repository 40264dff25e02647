/** The one path that takes something, and what to tell those who ask for another. */
import { Refusal } from "./refusal.ts";

export const DEFAULT_TRACES_PATH = "/v1/traces";

/** @throws Refusal unless the path, in origin or absolute form and without its query, is that of traces */
export function checkPath(url: string, tracesPath: string): void {
  const path = url.replace(/^https?:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
  if (path === tracesPath) return;
  const other = /\/v1\/(metrics|logs)$/.exec(path)?.[1];
  if (other !== undefined) throw notTaken(other as "metrics" | "logs");
  throw new Refusal("not_found", `expected path "${tracesPath}", got "${path.slice(0, 100)}"`);
}

/** A signal that is never answered with success, because it would be thrown away. */
export function notTaken(signal: "metrics" | "logs"): Refusal {
  return new Refusal(
    "not_found",
    `only traces are taken here; set OTEL_${signal.toUpperCase()}_EXPORTER=none to stop the SDK sending ${signal}`,
  );
}
