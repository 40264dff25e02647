/**
 * Builds the folder that is published: `node instrumentation/pack.ts` writes `instrumentation/dist`, JavaScript with types.
 *
 * In the checkout the package is TypeScript that Node runs as it is. Under `node_modules` Node refuses TypeScript, so
 * what is published is compiled, and its `exports` name the compiled files.
 */
import { execFileSync } from "node:child_process";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const source = new URL("./", import.meta.url);
const target = new URL("./dist/", import.meta.url);

interface PackageJson {
  exports: Record<string, string>;
  [key: string]: unknown;
}

/** `./register.ts` becomes its compiled file and its types. */
function compiled(path: string): { types: string; default: string } {
  const stem = path.replace(/\.ts$/, "");
  return { types: `${stem}.d.ts`, default: `${stem}.js` };
}

export async function pack(): Promise<string> {
  await rm(target, { recursive: true, force: true });
  const tsc = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
  execFileSync(
    process.execPath,
    [tsc, "-p", fileURLToPath(new URL("tsconfig.build.json", source))],
    { stdio: "inherit" },
  );
  const manifest = JSON.parse(
    await readFile(new URL("package.json", source), "utf8"),
  ) as PackageJson;
  manifest.exports = Object.fromEntries(
    Object.entries(manifest.exports).map(([entry, path]) => [entry, compiled(path)]),
  ) as unknown as PackageJson["exports"];
  delete manifest["devDependencies"];
  await writeFile(new URL("package.json", target), `${JSON.stringify(manifest, null, 2)}\n`);
  await cp(new URL("../LICENSE", import.meta.url), new URL("LICENSE", target));
  await cp(new URL("README.md", source), new URL("README.md", target));
  return fileURLToPath(target);
}

if (import.meta.main) console.log(await pack());
