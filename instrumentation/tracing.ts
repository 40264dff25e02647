/**
 * Through which OpenTelemetry a span goes, decided anew for every call because the service's SDK may start after our
 * import.
 *
 * `global`: the service has registered a tracer provider. Spans are its spans, parents come from its context manager,
 * and its exporters see them. Nothing global is ever set by us.
 * `private`: there is none. A provider of our own that is registered nowhere makes the spans, and an AsyncLocalStorage
 * of our own says which is the parent.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import {
  context,
  ProxyTracerProvider,
  trace,
  createContextKey,
  type Context,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import { SCHEMA_URL, SCOPE_NAME, SCOPE_VERSION } from "./conventions.ts";
import { drainAll } from "./drain.ts";
import { warnOnce } from "./health.ts";
import { PRIVATE_ROOT } from "./private-context.ts";

export interface Tracing {
  readonly mode: "global" | "private";
  /** Its spans are encoded when they end, and nobody reads them later. */
  readonly encodesAtOnce: boolean;
  readonly tracer: Tracer;
  active(): Context;
  run<T>(context: Context, work: () => T): T;
}

/** A context, or one that is only made when something asks for it: most requests never call a model. */
export type LazyContext = Context | { context(): Context };

const scopes = new AsyncLocalStorage<LazyContext>();
const SUPPRESS_TRACING = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");
const NOOP_PROVIDER: TracerProvider = new ProxyTracerProvider().getDelegate();

let privateTracing: Tracing | undefined;
let globalTracing: Tracing | undefined;
let globalProvider: TracerProvider | undefined;
let stopped = false;

export function setPrivateProvider(provider: TracerProvider, encodesAtOnce = false): void {
  privateTracing = {
    mode: "private",
    encodesAtOnce,
    tracer: tracerOf(provider),
    active: activePrivate,
    run: (ctx, work) => scopes.run(ctx, work),
  };
}

/** From now on nothing is traced. */
export function stopTracing(): void {
  stopped = true;
}

/** undefined: tracing is switched off, or suppressed for this call. */
export function currentTracing(): Tracing | undefined {
  if (stopped) return undefined;
  const tracing = globalTracingNow() ?? privateTracing;
  if (!tracing) return undefined;
  return context.active().getValue(SUPPRESS_TRACING) === true ? undefined : tracing;
}

/** Opens a scope whose context is made on demand; private mode only. */
export function runInScope<T>(scope: LazyContext, work: () => T): T {
  return scopes.run(scope, work);
}

/** Without a scope of ours, the span of somebody who registered a context manager and no provider that we can use. */
function activePrivate(): Context {
  const scope = scopes.getStore();
  if (!scope) return trace.getSpan(context.active()) ? context.active() : PRIVATE_ROOT;
  return "context" in scope ? scope.context() : scope;
}

function globalTracingNow(): Tracing | undefined {
  const provider = registeredProvider();
  if (!provider) return undefined;
  if (provider !== globalProvider) {
    globalProvider = provider;
    finishBeforeShutdown(provider);
    globalTracing = {
      mode: "global",
      encodesAtOnce: false,
      tracer: tracerOf(provider),
      active: () => context.active(),
      run: (ctx, work) => context.with(ctx, work),
    };
  }
  return globalTracing;
}

/** Sentry's: its spans go to Sentry, and it takes no span processor, so that ours would never reach Assay. */
const CLOSED_PROVIDER = "SentryTracerProvider";

/** The service's own provider, if its spans can go where ours should. */
function registeredProvider(): TracerProvider | undefined {
  const provider = visibleProvider();
  return provider?.constructor.name === CLOSED_PROVIDER ? undefined : provider;
}

/** What was registered, if it is more than a placeholder. */
function visibleProvider(): TracerProvider | undefined {
  const registered = trace.getTracerProvider();
  const provider =
    "getDelegate" in registered && typeof registered.getDelegate === "function"
      ? (registered.getDelegate() as TracerProvider)
      : registered;
  return provider === NOOP_PROVIDER || provider.constructor.name === "NoopTracerProvider"
    ? undefined
    : provider;
}

function tracerOf(provider: TracerProvider): Tracer {
  return provider.getTracer(SCOPE_NAME, SCOPE_VERSION, {
    schemaUrl: SCHEMA_URL,
  });
}

/**
 * Spans are ended a moment after their call (drain.ts). A provider that is told to flush or to shut down in that moment
 * would lose them, so ours are ended first; what the two functions return stays as it was.
 */
function finishBeforeShutdown(provider: TracerProvider): void {
  const target = provider as unknown as Record<string, unknown>;
  for (const name of ["forceFlush", "shutdown"]) {
    const original = target[name];
    if (typeof original !== "function") continue;
    target[name] = function (this: unknown, ...args: unknown[]): unknown {
      drainAll();
      return Reflect.apply(original, this, args);
    };
  }
}

/**
 * Two copies of `@opentelemetry/api` share one global slot; the older of them does not see what a newer one put
 * there, without a word. Say so.
 */
export function checkApiVersion(): void {
  const slot: unknown = Reflect.get(globalThis, Symbol.for("opentelemetry.js.api.1"));
  if (typeof slot !== "object" || slot === null || !("trace" in slot)) return;
  if (visibleProvider()) return;
  const version = "version" in slot ? String(slot.version) : "unknown";
  warnOnce(
    "api version",
    `a tracer provider was registered through @opentelemetry/api ${version}, which the copy that @assay/instrumentation uses cannot see; install one version of it for both. Spans go to Assay only.`,
  );
}

export function tracingMode(): "global" | "private" | "off" {
  return currentTracing()?.mode ?? "off";
}
