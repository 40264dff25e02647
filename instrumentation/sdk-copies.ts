/**
 * Finding the copies of each SDK that the service will use, before it uses them. A package with both an ES module and a
 * CommonJS build has two sets of classes, and either may be the one that the service or a library of it gets; both are
 * loaded and patched. Node's require() loads ES modules too, from the same cache that import uses, so all of this is
 * synchronous and the import that does it can be required as well.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { guarded, warnOnce } from "./health.ts";
import { fields, text } from "./untyped.ts";

/** A package that is patched where it is installed. */
export interface Sdk {
  /** Its name, or of one of its entry points: what a service imports. */
  readonly package: string;
  /** Packages that bring a copy of their own, which the service may not see. */
  readonly broughtBy?: readonly string[];
  /** The methods that it is used for: a version without one of them has changed in a way that we do not know. */
  readonly essential?: readonly string[];
  /** Patches the classes in what the package exports. Idempotent. */
  patch(exports: unknown): PatchReport;
}

export interface PatchReport {
  /** `chat.completions.create`, … */
  patched: string[];
  /** Method → why not. */
  skipped: Record<string, string>;
  /** Of the skipped: those that this version does not have. */
  absent: string[];
}

export interface PatchedCopy extends PatchReport {
  package: string;
  path: string;
  version: string;
}

export function patchInstalledCopies(sdks: readonly Sdk[]): PatchedCopy[] {
  const copies = new Map<string, PatchedCopy>();
  for (const from of startingPoints())
    for (const sdk of sdks)
      for (const path of entryPoints(from, sdk))
        if (!copies.has(path))
          guarded(`patching ${sdk.package}`, () => copies.set(path, patchCopy(sdk, path)));
  return [...copies.values()];
}

/** Of the copy that the service sees, and of those that others bring. */
function entryPoints(from: string, sdk: Sdk): string[] {
  const brought = (sdk.broughtBy ?? []).flatMap((name) => entryPointsOf(from, name));
  return [from, ...brought].flatMap((place) => entryPointsOf(place, sdk.package));
}

/** The service's main module, and its working directory for when something else starts it. */
function startingPoints(): string[] {
  const main = process.argv[1];
  return [...new Set([...(main ? [main] : []), join(process.cwd(), "main.js")])];
}

/** Files: the ES module build and the CommonJS one, where the package is installed for this starting point. */
function entryPointsOf(from: string, specifier: string): string[] {
  const require = createRequire(from);
  let commonJs: string;
  try {
    commonJs = require.resolve(specifier);
  } catch {
    // Not installed for this starting point: nothing to trace.
    return [];
  }
  const root = packageRoot(commonJs, packageName(specifier));
  const esm = root && importTarget(readJson(join(root, "package.json")), subpath(specifier));
  return [...new Set([...(root && esm ? [join(root, esm)] : []), commonJs])];
}

function patchCopy(sdk: Sdk, path: string): PatchedCopy {
  const loaded: unknown = createRequire(path)(path);
  const root = packageRoot(path, packageName(sdk.package));
  const version = root ? text(readJson(join(root, "package.json"))?.["version"]) : undefined;
  const report = sdk.patch(loaded);
  const copy = { package: sdk.package, path, version: version ?? "unknown", ...report };
  const lost = sdk.essential?.filter((name) => report.absent.includes(name)) ?? [];
  const isUntraced = report.patched.length === 0 && report.absent.length > 0;
  if (lost.length > 0 || isUntraced) warnUntraced(copy, lost.length > 0 ? lost : report.absent);
  return copy;
}

/** Once, whatever the number of its builds. */
function warnUntraced({ package: name, version, path }: PatchedCopy, methods: string[]): void {
  warnOnce(
    `${name} ${version}`,
    `${name} ${version} at ${path} does not have ${methods.join(", ")}, by which its calls are traced; what goes through fetch() is traced there, the rest is not`,
  );
}

/** `@scope/name/entry` is an entry of `@scope/name`. */
function packageName(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function subpath(specifier: string): string {
  return `.${specifier.slice(packageName(specifier).length)}`;
}

function packageRoot(file: string, name: string): string | undefined {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (readJson(join(folder, "package.json"))?.["name"] === name) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/** What an import resolves to: the first matching condition, depth first. */
function importTarget(manifest: ReturnType<typeof readJson>, entry: string): string | undefined {
  const all = manifest?.["exports"];
  const exported = fields(all)?.[entry] ?? (entry === "." ? all : undefined);
  return conditionTarget(exported);
}

const IMPORT_CONDITIONS = new Set(["node", "import", "module-sync", "default"]);

function conditionTarget(target: unknown): string | undefined {
  if (typeof target === "string") return target;
  for (const [condition, inner] of Object.entries(fields(target) ?? {})) {
    if (!IMPORT_CONDITIONS.has(condition)) continue;
    const found = conditionTarget(inner);
    if (found) return found;
  }
  return undefined;
}

function readJson(path: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return fields(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    // Absent: there is no package here.
    return undefined;
  }
}
