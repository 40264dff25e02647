/** The one path there is, and what to tell those who ask for another. */
import { Refusal } from "./refusal.ts";

const TRACES_PATH = "/v1/traces";

/** @throws Refusal unless the path, in origin or absolute form and without its query, is that of traces */
export function checkPath(url: string): void {
  const path = url.replace(/^https?:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
  if (path === TRACES_PATH) return;
  const signal = /^\/v1\/(metrics|logs)$/.exec(path)?.[1];
  throw new Refusal(
    "not_found",
    signal === undefined
      ? `expected path "${TRACES_PATH}", got "${path.slice(0, 100)}"`
      : `only traces are taken here; set OTEL_${signal.toUpperCase()}_EXPORTER=none to stop the SDK sending ${signal}`,
  );
}
