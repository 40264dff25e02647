/** The paths that take something, and what to tell those who ask for another. */
import type { Signal } from "../stages.ts";
import { Refusal } from "./refusal.ts";

/** Path of each signal. */
export type SignalPaths = Readonly<Partial<Record<Signal, string>>>;

export const DEFAULT_PATHS: SignalPaths = { traces: "/v1/traces" };

/** The signal of a URL in origin or absolute form, its query aside. @throws Refusal for any other path */
export function signalOf(url: string, paths: SignalPaths): Signal {
  const path = url.replace(/^https?:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
  for (const [signal, expected] of Object.entries(paths)) {
    if (path !== expected) continue;
    if (signal === "traces") return signal;
    throw notTaken("logs");
  }
  const other = /\/v1\/(metrics|logs)$/.exec(path)?.[1];
  if (other !== undefined) throw notTaken(other as "metrics" | "logs");
  const expected = Object.values(paths)
    .map((known) => `"${known}"`)
    .join(" or ");
  throw new Refusal("not_found", `expected path ${expected}, got "${path.slice(0, 100)}"`);
}

/** A signal that is never answered with success, because it would be thrown away. */
export function notTaken(signal: "metrics" | "logs"): Refusal {
  return new Refusal(
    "not_found",
    `only traces are taken here; set OTEL_${signal.toUpperCase()}_EXPORTER=none to stop the SDK sending ${signal}`,
  );
}
