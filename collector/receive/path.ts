/** The paths that take something, and what to tell those who ask for another. */
import type { Signal } from "../stages.ts";
import { Refusal } from "./refusal.ts";

export const DEFAULT_TRACES_PATH = "/v1/traces";

/** Beside the traces, whose path can be set: a sender knows one address and adds the rest. */
function logsPathBeside(tracesPath: string): string {
  return tracesPath.endsWith(DEFAULT_TRACES_PATH)
    ? `${tracesPath.slice(0, -DEFAULT_TRACES_PATH.length)}/v1/logs`
    : "/v1/logs";
}

/** What the path, in origin or absolute form and without its query, takes. @throws Refusal */
export function signalOf(url: string, tracesPath: string): Signal {
  const path = url.replace(/^https?:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
  if (path === tracesPath) return "traces";
  const logsPath = logsPathBeside(tracesPath);
  if (path === logsPath) return "logs";
  if (path.endsWith("/v1/metrics")) throw noMetrics();
  throw new Refusal(
    "not_found",
    `expected path "${tracesPath}" or "${logsPath}", got "${path.slice(0, 100)}"`,
  );
}

/** Metrics are never answered with success, because they would be thrown away. */
export function noMetrics(): Refusal {
  return new Refusal(
    "not_found",
    "only traces and GenAI log events are taken here; set OTEL_METRICS_EXPORTER=none to stop the SDK sending metrics",
  );
}
