/**
 * Replacing a method of an SDK by one that traces it. The prototype's method is replaced, so existing and later clients
 * and helpers of the SDK that call it are all covered. No version is asked for: what has the method is patched, and what
 * it returns is recognised by its shape.
 */
import type { PatchReport } from "./sdk-copies.ts";
import { memberOf } from "./untyped.ts";

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Calls `original`, and traces what it does. Must never throw anything of its own. */
export type Tracer = (original: Method, self: unknown, args: unknown[]) => unknown;

/** A method and where it hangs, on a class (`classes`) and on a client (`resource`). */
export interface TracedMethod {
  readonly name: string;
  readonly classes: readonly string[];
  readonly resource: readonly string[];
  readonly trace: Tracer;
}

const PATCHED = Symbol.for("assay.instrumentation.patched");

/** Patches the prototypes of the classes that hang on `sdkClass`. Idempotent. */
export function patchClasses(sdkClass: unknown, methods: readonly TracedMethod[]): PatchReport {
  return patchAll(methods, ({ classes }) => {
    const found = classes.reduce(memberOf, sdkClass);
    return typeof found === "function" ? memberOf(found, "prototype") : undefined;
  });
}

/** Patches one client alone. */
export function patchClient(client: object, methods: readonly TracedMethod[]): PatchReport {
  return patchAll(methods, ({ resource }) => resource.reduce(memberOf, client as unknown));
}

function patchAll(
  methods: readonly TracedMethod[],
  find: (method: TracedMethod) => unknown,
): PatchReport {
  const report: PatchReport = { patched: [], skipped: {}, absent: [] };
  for (const method of methods) {
    const name = [...method.resource, method.name].join(".");
    const target = find(method);
    if (typeof memberOf(target, method.name) !== "function") report.absent.push(name);
    const problem = patchMethod(target, method.name, method.trace);
    if (problem === undefined) report.patched.push(name);
    else report.skipped[name] = problem;
  }
  return report;
}

/** undefined: it is patched, now or before; else why not. */
function patchMethod(target: unknown, name: string, trace: Tracer): string | undefined {
  if (typeof target !== "object" || target === null) return "this version does not have it";
  const original: unknown = Reflect.get(target, name);
  if (typeof original !== "function") return `it has no ${name}()`;
  if (Reflect.get(original, PATCHED)) return undefined;
  if (Reflect.get(original, "__wrapped")) return "another instrumentation wraps it already";
  const wrapped = function (this: unknown, ...args: unknown[]): unknown {
    return trace(original as Method, this, args);
  };
  Object.defineProperty(wrapped, PATCHED, { value: true });
  Object.defineProperty(wrapped, "name", { value: original.name });
  Object.defineProperty(wrapped, "length", { value: original.length });
  const own = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, {
    configurable: true,
    writable: true,
    enumerable: own?.enumerable ?? false,
    value: wrapped,
  });
  return undefined;
}
