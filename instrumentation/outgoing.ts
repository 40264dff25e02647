/**
 * W3C trace context on outgoing requests, through Node's diagnostics channels: fetch and undici announce a request
 * before it is sent, and so does node:http. No function is replaced.
 *
 * By default the hosts of known model APIs get no header: a third party has no use for our trace ids. Never on our own
 * exports, never where a `traceparent` is set, never where another instrumentation of HTTP does the same.
 */
import { subscribe, channel } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { isSpanContextValid, trace, type SpanContext } from "@opentelemetry/api";
import { isOwnExport } from "./export-queue.ts";
import { guarded } from "./health.ts";
import { isModelApiHost } from "./providers.ts";
import { runtime } from "./runtime.ts";
import { formatTraceparent } from "./trace-context.ts";
import { currentTracing } from "./tracing.ts";
import { fields } from "./untyped.ts";

const UNDICI_CREATE = "undici:request:create";
const HTTP_CREATED = "http.client.request.created";

interface UndiciRequest {
  origin: string | URL;
  /** Name, value, name, value … */
  headers: readonly unknown[] | string;
  addHeader(name: string, value: string): void;
}

let subscribed = false;

export function injectTraceContext(): void {
  if (subscribed || runtime.settings.propagation === "off") return;
  subscribed = true;
  subscribe(UNDICI_CREATE, (message) => guarded("adding trace context", () => onUndici(message)));
  subscribe(HTTP_CREATED, (message) => guarded("adding trace context", () => onHttp(message)));
}

function onUndici(message: unknown): void {
  const request = fields(message)?.["request"] as UndiciRequest | undefined;
  if (typeof request?.addHeader !== "function") return;
  const span = spanToSend(new URL(String(request.origin)).hostname);
  if (!span || hasTraceparent(request.headers) || othersInject(UNDICI_CREATE)) return;
  request.addHeader("traceparent", formatTraceparent(span));
  const state = span.traceState?.serialize();
  if (state) request.addHeader("tracestate", state);
}

function onHttp(message: unknown): void {
  const request = fields(message)?.["request"] as ClientRequest | undefined;
  if (!request || request.headersSent || request.hasHeader("traceparent")) return;
  const span = spanToSend(request.host);
  if (!span) return;
  request.setHeader("traceparent", formatTraceparent(span));
  const state = span.traceState?.serialize();
  if (state) request.setHeader("tracestate", state);
}

function spanToSend(host: string): SpanContext | undefined {
  if (isOwnExport()) return undefined;
  if (runtime.settings.propagation === "auto" && isModelApiHost(host)) return undefined;
  const tracing = currentTracing();
  if (!tracing) return undefined;
  const span = trace.getSpanContext(tracing.active());
  return span && isSpanContextValid(span) ? span : undefined;
}

function hasTraceparent(headers: readonly unknown[] | string): boolean {
  if (typeof headers === "string") return /(^|\n)traceparent:/i.test(headers);
  return headers.some((value, at) => at % 2 === 0 && String(value).toLowerCase() === "traceparent");
}

/** Two headers would be none: an instrumentation of undici listens on the same channel and adds its own. */
function othersInject(name: string): boolean {
  if (currentTracing()?.mode !== "global") return false;
  const subscribers: unknown = Reflect.get(channel(name), "_subscribers");
  return Array.isArray(subscribers) && subscribers.length > 1;
}
