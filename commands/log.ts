/** What a process says to whoever runs it. */
import { SettingsError } from "@assay/clickhouse";

export function log(level: "info" | "warn" | "error", message: string): void {
  process.stderr.write(`${new Date().toISOString()} ${level} ${message}\n`);
}

/** A line beside a command's result, which stdout has to itself. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Ends the process, saying why. */
export function failed(error: unknown): never {
  note(error instanceof SettingsError ? error.message : describe(error));
  process.exit(1);
}

/** The chain of causes in one line; the stack only for what is a bug of ours. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof TypeError || error instanceof ReferenceError)
    return error.stack ?? error.message;
  return error.cause ? `${error.message}: ${describe(error.cause)}` : error.message;
}
