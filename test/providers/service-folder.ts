/**
 * A folder of a service that has an SDK installed in another way than these tests have: as another major, or as a copy
 * (other files, so other classes).
 */
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const INSTALLED = fileURLToPath(new URL("node_modules/", import.meta.url));
const OURS = fileURLToPath(new URL("../../node_modules/@assay/", import.meta.url));

interface ServiceFolder extends AsyncDisposable {
  folder: string;
}

/** Packages by the name that a service imports, each with the folder that it is installed in here. */
export type InstalledAs = Readonly<Record<string, string>>;

/** With these packages alone: what they need is found where they really lie. */
export async function folderWith(packages: InstalledAs): Promise<ServiceFolder> {
  const service = await serviceFolder();
  for (const [name, from] of Object.entries(packages)) await link(service, name, from);
  return service;
}

/** With a copy of one of these packages, and links to what it needs. */
export async function folderWithCopy(name: string, packages: InstalledAs): Promise<ServiceFolder> {
  const { [name]: from = name, ...others } = packages;
  const service = await folderWith(others);
  const source = join(INSTALLED, from);
  await cp(source, await placeOf(service, name), {
    recursive: true,
    filter: (path) =>
      !/\.(map|ts|mts|md)$/.test(path) && !path.startsWith(join(source, "node_modules")),
  });
  for (const needed of await dependenciesOf(source)) {
    const places = [join(from, "node_modules", needed), needed];
    const place = places.find((one) => existsSync(join(INSTALLED, one)));
    if (place && !(needed in others)) await link(service, needed, place);
  }
  return service;
}

async function serviceFolder(): Promise<ServiceFolder> {
  const folder = await mkdtemp(join(tmpdir(), "assay-service-"));
  await mkdir(join(folder, "node_modules"));
  await symlink(OURS, join(folder, "node_modules", "@assay"));
  return {
    folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function link(service: ServiceFolder, name: string, from: string): Promise<void> {
  await symlink(join(INSTALLED, from), await placeOf(service, name));
}

async function placeOf({ folder }: ServiceFolder, name: string): Promise<string> {
  const path = join(folder, "node_modules", name);
  await mkdir(dirname(path), { recursive: true });
  return path;
}

async function dependenciesOf(folder: string): Promise<string[]> {
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Record<
    "dependencies" | "peerDependencies",
    object | undefined
  >;
  return [manifest.dependencies, manifest.peerDependencies].flatMap((names) =>
    Object.keys(names ?? {}),
  );
}
