/**
 * Which methods are traced and how they are wrapped. The prototype's method is replaced, so existing and later clients,
 * AzureOpenAI and helpers such as parse, stream and runTools, which call it, are all covered. No version is asked for:
 * what has the method is patched, and what a method returns is recognised by its shape.
 */
import type { Dialect } from "../dialect.ts";
import { countError, guarded, warnOnce } from "../health.ts";
import { startModelCall } from "../model-call.ts";
import { observePromise } from "../observe-promise.ts";
import { serverOf, type ServerAddress } from "../providers.ts";
import { isFields, memberOf, text } from "../untyped.ts";
import { chat } from "./chat.ts";
import { completions } from "./completions.ts";
import { embeddings } from "./embeddings.ts";
import { responses } from "./responses.ts";

type Create = (this: unknown, ...args: unknown[]) => unknown;

/** Where a client, and in the same words its class, has what is traced. */
const METHODS: readonly {
  resource: readonly string[];
  classes: readonly string[];
  dialect: Dialect;
}[] = [
  { resource: ["chat", "completions"], classes: ["Chat", "Completions"], dialect: chat },
  { resource: ["completions"], classes: ["Completions"], dialect: completions },
  { resource: ["responses"], classes: ["Responses"], dialect: responses },
  { resource: ["embeddings"], classes: ["Embeddings"], dialect: embeddings },
];

const PATCHED = Symbol.for("assay.instrumentation.patched");

/** Client → what instrument() was told of it. */
const providers = new WeakMap<object, string>();
const servers = new WeakMap<object, { baseUrl: string; server: ServerAddress }>();

export interface PatchReport {
  /** `chat.completions.create`, … */
  patched: string[];
  /** Method → why not. */
  skipped: Record<string, string>;
}

/** Patches the classes that hang on the OpenAI class. Idempotent. */
export function patchClasses(openai: unknown): PatchReport {
  return patchAll((classes) => {
    const found = classes.reduce(memberOf, openai);
    return typeof found === "function" ? memberOf(found, "prototype") : undefined;
  }, "classes");
}

/**
 * Traces the calls of this client and returns the same object. Only needed where the import cannot find the SDK, such
 * as in a bundle; a client that is traced already stays as it is.
 * @example const client = instrument(new OpenAI())
 */
export function instrument<T extends object>(client: T, options: { provider?: string } = {}): T {
  guarded("instrumenting a client", () => {
    if (options.provider) providers.set(client, options.provider);
    const report = patchAll((resource) => resource.reduce(memberOf, client as unknown), "resource");
    if (report.patched.length === 0)
      warnOnce(
        "client",
        "instrument() got an object without chat.completions, completions, responses or embeddings; it is not traced",
      );
  });
  return client;
}

function patchAll(
  find: (path: readonly string[]) => unknown,
  path: "classes" | "resource",
): PatchReport {
  const report: PatchReport = { patched: [], skipped: {} };
  for (const method of METHODS) {
    const name = `${method.resource.join(".")}.create`;
    const problem = patchCreate(find(method[path]), method.dialect);
    if (problem === undefined) report.patched.push(name);
    else report.skipped[name] = problem;
  }
  return report;
}

/** undefined: it is patched, now or before. */
function patchCreate(target: unknown, dialect: Dialect): string | undefined {
  if (typeof target !== "object" || target === null) return "this version does not have it";
  const original: unknown = Reflect.get(target, "create");
  if (typeof original !== "function") return "it has no create()";
  if (Reflect.get(original, PATCHED)) return undefined;
  if (Reflect.get(original, "__wrapped")) return "another instrumentation wraps it already";
  const wrapped = traced(original as Create, dialect);
  Object.defineProperty(wrapped, PATCHED, { value: true });
  Object.defineProperty(wrapped, "name", { value: original.name });
  Object.defineProperty(wrapped, "length", { value: original.length });
  const own = Object.getOwnPropertyDescriptor(target, "create");
  Object.defineProperty(target, "create", {
    configurable: true,
    writable: true,
    enumerable: own?.enumerable ?? false,
    value: wrapped,
  });
  return undefined;
}

function traced(original: Create, dialect: Dialect): Create {
  return function create(this: unknown, ...args: unknown[]): unknown {
    const body = args[0];
    const call = isFields(body)
      ? startModelCall({ dialect, body, server: serverFor(this) })
      : undefined;
    if (!call) return Reflect.apply(original, this, args);
    let result: unknown;
    try {
      result = call.run(() => Reflect.apply(original, this, args) as unknown);
    } catch (error) {
      call.fail(error);
      throw error;
    }
    observePromise(result, call);
    return result;
  };
}

/** By the base URL of the client that the resource belongs to; parsed once per client and URL. */
function serverFor(resource: unknown): ServerAddress {
  try {
    const client: unknown = memberOf(resource, "_client");
    if (typeof client !== "object" || client === null) return serverOf(undefined);
    const baseUrl = text(memberOf(client, "baseURL")) ?? "";
    const known = servers.get(client);
    if (known?.baseUrl === baseUrl) return known.server;
    const named = providers.get(client);
    const server = { ...serverOf(baseUrl), ...(named ? { provider: named } : {}) };
    servers.set(client, { baseUrl, server });
    return server;
  } catch (error) {
    countError("reading a client's address", error);
    return serverOf(undefined);
  }
}
