/** A folder with a copy of an SDK: other files, so other classes. What the SDK needs is linked to where it lies here. */
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const INSTALLED = fileURLToPath(new URL("node_modules/", import.meta.url));

interface PackageCopy extends AsyncDisposable {
  folder: string;
}

export async function copyOfPackage(name: string): Promise<PackageCopy> {
  const folder = await mkdtemp(join(tmpdir(), "assay-copy-"));
  const modules = join(folder, "node_modules");
  const [scope, inner] = name.startsWith("@") ? (name.split("/") as [string, string]) : [name];
  await mkdir(join(modules, ...(inner ? [scope] : [])), { recursive: true });
  await linkAll(INSTALLED, modules, scope);
  if (inner) await linkAll(join(INSTALLED, scope), join(modules, scope), inner);
  await cp(join(INSTALLED, name), join(modules, name), {
    recursive: true,
    filter: (path) => !/\.(map|ts|mts|md)$/.test(path),
  });
  return {
    folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function linkAll(from: string, to: string, except: string): Promise<void> {
  for (const entry of await readdir(from))
    if (entry !== except && !entry.startsWith("."))
      await symlink(join(from, entry), join(to, entry));
}
