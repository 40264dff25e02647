/**
 * Finding the copies of the SDK that the service will use, before it uses them. A package with both an ES module and a
 * CommonJS build has two sets of classes, and either may be the one that the service or a library of it gets; both are
 * loaded and patched. Node's require() loads ES modules too, from the same cache that import uses, so all of this is
 * synchronous and the import that does it can be required as well.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { guarded, warnOnce } from "../health.ts";
import { fields, memberOf, text } from "../untyped.ts";
import { patchClasses, type PatchReport } from "./patch.ts";

export interface PatchedCopy extends PatchReport {
  path: string;
  version: string;
}

export function patchInstalledCopies(): PatchedCopy[] {
  const copies = new Map<string, PatchedCopy>();
  for (const from of startingPoints())
    for (const path of entryPoints(from))
      if (!copies.has(path)) guarded("patching openai", () => copies.set(path, patchCopy(path)));
  return [...copies.values()];
}

/** The service's main module, and its working directory for when something else starts it. */
function startingPoints(): string[] {
  const main = process.argv[1];
  return [...new Set([...(main ? [main] : []), join(process.cwd(), "main.js")])];
}

function entryPoints(from: string): string[] {
  const require = createRequire(from);
  let commonJs: string;
  try {
    commonJs = require.resolve("openai");
  } catch {
    // Not installed for this starting point: nothing to trace.
    return [];
  }
  const root = packageRoot(commonJs);
  const esm = root && importTarget(readJson(join(root, "package.json")));
  return [...new Set([...(root && esm ? [join(root, esm)] : []), commonJs])];
}

function patchCopy(path: string): PatchedCopy {
  const loaded: unknown = createRequire(path)(path);
  const root = packageRoot(path);
  const version = root ? text(readJson(join(root, "package.json"))?.["version"]) : undefined;
  const openai = memberOf(loaded, "OpenAI") ?? memberOf(loaded, "default") ?? loaded;
  const report = patchClasses(openai);
  if (report.patched.length === 0)
    warnOnce(
      `openai ${path}`,
      `openai ${version ?? ""} at ${path} has none of the methods that are traced: ${JSON.stringify(report.skipped)}`,
    );
  return { path, version: version ?? "unknown", ...report };
}

function packageRoot(file: string): string | undefined {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (readJson(join(folder, "package.json"))?.["name"] === "openai") return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/** What `import "openai"` resolves to: the first matching condition, depth first. */
function importTarget(manifest: ReturnType<typeof readJson>): string | undefined {
  const exported = fields(manifest?.["exports"])?.["."] ?? manifest?.["exports"];
  return conditionTarget(exported) ?? text(manifest?.["module"]);
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
