/**
 * Builds the folder that is published: `node instrumentation/pack.ts` writes `instrumentation/dist`, JavaScript with types.
 *
 * In the checkout the package is TypeScript that Node runs as it is. Under `node_modules` Node refuses TypeScript, so
 * what is published is compiled, and its `exports` name the compiled files. What of OpenTelemetry's exporters is used is
 * within them, with its license: installed, they bring 15 MB along that nothing here needs. OpenTelemetry's API is not,
 * because a process must have one copy of it; prices are not, because they are updated more often than this is.
 */
import { execFileSync } from "node:child_process";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { licensesOf } from "./pack-licenses.ts";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** What a service installs beside it. */
const APART = ["@opentelemetry/api", "@pydantic/genai-prices"];

interface Manifest {
  exports: Record<string, unknown>;
  dependencies: Record<string, string>;
  devDependencies?: Record<string, string>;
}

export async function pack(): Promise<string> {
  const target = path("dist/");
  await rm(target, { recursive: true, force: true });
  const manifest = JSON.parse(await readFile(path("package.json"), "utf8")) as Manifest;
  const entries = Object.entries(manifest.exports as Record<string, string>);
  const inputs = await compile(entries.map(([, entry]) => path(entry)));
  await writeFile(`${target}THIRD-PARTY-LICENSES`, await licensesOf(inputs));
  writeTypes();
  await writeFile(
    `${target}package.json`,
    `${JSON.stringify({ ...manifest, ...published(manifest, entries), devDependencies: undefined }, null, 2)}\n`,
  );
  await cp(path("../LICENSE"), `${target}LICENSE`);
  await cp(path("README.md"), `${target}README.md`);
  return target;
}

/** Parts that entry points share stay shared: there is one state, whichever of them a service imports. */
async function compile(entryPoints: string[]): Promise<string[]> {
  const { metafile } = await build({
    entryPoints,
    outdir: path("dist"),
    chunkNames: "shared/[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22",
    external: APART,
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
  });
  const outputs = Object.values(metafile.outputs);
  return outputs.flatMap(({ inputs }) => Object.keys(inputs)).map((input) => path(`../${input}`));
}

function writeTypes(): void {
  const tsc = path("../node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", path("tsconfig.build.json")], { stdio: "inherit" });
}

function published(
  manifest: Manifest,
  entries: readonly [entry: string, path: string][],
): Pick<Manifest, "exports" | "dependencies"> {
  const kept = Object.entries(manifest.dependencies).filter(([name]) => APART.includes(name));
  return {
    exports: Object.fromEntries(entries.map(([entry, source]) => [entry, compiled(source)])),
    dependencies: Object.fromEntries(kept),
  };
}

/** `./register.ts` becomes its compiled file and its types. */
function compiled(source: string): { types: string; default: string } {
  const stem = source.replace(/\.ts$/, "");
  return { types: `${stem}.d.ts`, default: `${stem}.js` };
}

if (import.meta.main) console.log(await pack());
