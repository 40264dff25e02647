/** Files that a setting names: YAML, checked whole at start, every problem reported at once. */
import { readFileSync } from "node:fs";
import { parseDocument } from "yaml";
import type { z } from "zod";

/** `message` is ready to print. */
export class ConfigFileError extends Error {
  override readonly name = "ConfigFileError";
}

/** @param setting the one that names the file */
export function readConfigFile(setting: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigFileError(`${setting}: cannot read "${path}"`, { cause: error });
  }
}

/** @throws ConfigFileError naming every problem, by its place in the file `name` */
export function parseConfigFile<Schema extends z.ZodType>(
  text: string,
  name: string,
  schema: Schema,
): z.output<Schema> {
  const document = parseDocument(text);
  if (document.errors.length > 0)
    throw configFileError(
      name,
      document.errors.map(({ message }) => message.split("\n")[0]!),
    );
  const parsed = schema.safeParse(document.toJS() ?? {});
  if (parsed.success) return parsed.data;
  throw configFileError(
    name,
    parsed.error.issues.map(({ path, message }) => `${path.join(".") || "file"}: ${message}`),
  );
}

export function configFileError(name: string, problems: readonly string[]): ConfigFileError {
  const count = `${problems.length} problem${problems.length === 1 ? "" : "s"}`;
  return new ConfigFileError(`${count} in ${name}:\n${problems.map((p) => `  ${p}`).join("\n")}`);
}
