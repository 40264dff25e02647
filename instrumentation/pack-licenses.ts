/** The licenses of packages whose code is in a bundle, as text. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** @param inputs paths of the files in the bundle; those outside of `node_modules` are ours */
export async function licensesOf(inputs: readonly string[]): Promise<string> {
  const folders = new Set(inputs.flatMap((input) => packageFolder(input) ?? []));
  const texts = await Promise.all([...folders].sort().map(licenseOf));
  return ["This package contains code of the packages below.", ...texts].join(
    `\n\n${"-".repeat(72)}\n\n`,
  );
}

function packageFolder(file: string): string | undefined {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0];
}

async function licenseOf(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(
    await readFile(join(folder, "package.json"), "utf8"),
  ) as { name: string; version: string; license: string };
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice)/i.test(file)).sort();
  if (files.length === 0) throw new Error(`expected a license file in ${name} ${version}`);
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  return [`${name} ${version} (${license})`, ...texts.map((text) => text.trim())].join("\n\n");
}
