/**
 * One trace per incoming HTTP request, for services without an HTTP instrumentation. Each request gets a scope that
 * continues the caller's trace; the model calls, retrievals and outgoing requests made in it are its children.
 *
 * The SERVER span of a request that did none of these, and did not come with a trace, would say nothing about models:
 * it is not made. In private mode it is made when first asked for; in a provider of the service's own every request has
 * one, because a context must hold a span.
 *
 * Nothing else of HTTP is traced, and nothing at all where an HTTP instrumentation is at work.
 */
import { Server as HttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Server as HttpsServer } from "node:https";
import {
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
} from "@opentelemetry/api";
import { ATTR } from "./conventions.ts";
import { countError, guarded } from "./health.ts";
import { parseTraceparent } from "./trace-context.ts";
import { currentTracing, runInScope, type Tracing } from "./tracing.ts";
import { runtime } from "./runtime.ts";
import { fields, text } from "./untyped.ts";

type Emit = (this: unknown, event: string | symbol, ...args: unknown[]) => boolean;

const PATCHED = Symbol.for("assay.instrumentation.request-scope");

/** @returns `on`, or why not */
export function openRequestScopes(): string {
  const prototypes: object[] = [HttpServer.prototype, HttpsServer.prototype];
  if (prototypes.some((prototype) => isWrapped(Reflect.get(prototype, "emit"))))
    return "off: an HTTP instrumentation is active";
  for (const prototype of prototypes) patchEmit(prototype);
  return "on";
}

function isWrapped(method: unknown): boolean {
  return typeof method === "function" && Reflect.get(method, "__wrapped") === true;
}

function patchEmit(prototype: object): void {
  const original = Reflect.get(prototype, "emit") as Emit;
  if (Reflect.get(original, PATCHED)) return;
  const emit: Emit = function (event, ...args) {
    if (event !== "request") return original.call(this, event, ...args);
    const emitRequest = (): boolean => original.call(this, event, ...args);
    const run = scopeFor(args[0], args[1]);
    return run ? run(emitRequest) : emitRequest();
  };
  Object.defineProperty(emit, PATCHED, { value: true });
  Object.defineProperty(prototype, "emit", { value: emit, configurable: true, writable: true });
}

type RunInScope = (work: () => boolean) => boolean;

/** undefined: no scope of ours. Errors of ours end here, the service's pass through the function returned. */
function scopeFor(request: unknown, response: unknown): RunInScope | undefined {
  try {
    const tracing = currentTracing();
    if (!tracing) return undefined;
    const parent = tracing.active();
    // Somebody else has made a span for this request.
    if (tracing.mode === "global" && trace.getSpan(parent)) return undefined;
    const scope = new RequestScope(
      tracing,
      parent,
      request as IncomingMessage,
      response as ServerResponse,
    );
    return tracing.mode === "global"
      ? (work) => tracing.run(scope.context(), work)
      : (work) => runInScope(scope, work);
  } catch (error) {
    countError("opening a request scope", error);
    return undefined;
  }
}

class RequestScope {
  readonly #tracing: Tracing;
  readonly #parent: Context;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #path: string;
  readonly #startedAt = performance.now();
  #span: Span | undefined;
  #context: Context | undefined;
  #closed = false;

  constructor(
    tracing: Tracing,
    active: Context,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    this.#tracing = tracing;
    this.#request = request;
    this.#response = response;
    // Routers rewrite `url` while they descend.
    this.#path = pathOf(request.url);
    const remote = parseTraceparent(header(request, "traceparent"), header(request, "tracestate"));
    this.#parent = remote ? trace.setSpanContext(active, remote) : active;
    if (remote) this.context();
    response.once("close", () => guarded("ending a request", () => this.#close()));
  }

  context(): Context {
    this.#context ??= this.#open();
    return this.#context;
  }

  #open(): Context {
    const attributes: Attributes = {
      "http.request.method": this.#request.method ?? "GET",
      "url.path": this.#path,
    };
    if (runtime.settings.project !== undefined)
      attributes[ATTR.assayProject] = runtime.settings.project;
    this.#span = this.#tracing.tracer.startSpan(
      this.#name(),
      { kind: SpanKind.SERVER, attributes, startTime: this.#startedAt },
      this.#parent,
    );
    // Work that outlives its request still belongs to its trace; the span itself is over.
    if (this.#closed) this.#end();
    return trace.setSpan(this.#parent, this.#span);
  }

  #close(): void {
    this.#closed = true;
    if (this.#span) this.#end();
  }

  #end(): void {
    const status = this.#response.statusCode;
    const route = routeOf(this.#request);
    const attributes: Attributes = { "http.response.status_code": status };
    if (route) attributes["http.route"] = route;
    if (status >= 500) attributes[ATTR.errorType] = String(status);
    this.#span?.updateName(this.#name(route)).setAttributes(attributes);
    if (status >= 500) this.#span?.setStatus({ code: SpanStatusCode.ERROR });
    this.#span?.end(performance.now());
  }

  #name(route?: string): string {
    return `${this.#request.method ?? "GET"} ${route ?? this.#path}`;
  }
}

/** Without the query, which may hold anything. */
function pathOf(url: string | undefined): string {
  const path = url ?? "/";
  const at = path.indexOf("?");
  return (at < 0 ? path : path.slice(0, at)).slice(0, 1_024);
}

/** Express leaves the matched route on the request: known only when it has run. */
function routeOf(request: IncomingMessage): string | undefined {
  const path = text(fields(Reflect.get(request, "route"))?.["path"]);
  return path === undefined ? undefined : `${text(Reflect.get(request, "baseUrl")) ?? ""}${path}`;
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
