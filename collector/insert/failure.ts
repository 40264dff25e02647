/**
 * What a failed insert means, by ClickHouse's error code.
 *
 * - `transient`: the store is away, busy or full. Try again for ever.
 * - `config`: a person must put something right (schema, rights, password). Try again slowly, and say so. Never a
 *   dead letter: a wrong migration would throw everything away.
 * - `poison`: the store read the block and does not want its contents.
 */
import { ClickHouseError } from "@clickhouse/client";

type FailureKind = "transient" | "config" | "poison";

export interface InsertFailure {
  kind: FailureKind;
  /** ClickHouse's code, or the system's (`ECONNREFUSED`), or `unknown`. */
  code: string;
  message: string;
  /** Something of the block may have been stored: no answer came, or a view failed after another had its rows. */
  inDoubt: boolean;
}

const configCodes = new Map([
  [8, "column not found"],
  [10, "column not found in block"],
  [16, "no such column in table"],
  [20, "number of columns does not match"],
  [44, "illegal column"],
  [46, "unknown function"],
  [47, "unknown identifier"],
  [60, "unknown table"],
  [62, "syntax error"],
  [73, "unknown format"],
  [81, "unknown database"],
  [115, "unknown setting"],
  [164, "read only"],
  [192, "unknown user"],
  [193, "wrong password"],
  [194, "password required"],
  [291, "database access denied"],
  [452, "setting not allowed"],
  [497, "access denied"],
  [516, "authentication failed"],
]);

const poisonCodes = new Set([
  6, 26, 27, 33, 34, 38, 41, 53, 69, 70, 117, 131, 349, 407, 432, 636, 1000, 1001,
]);

/** Errors that a block raises while it is read, before any row reaches a view. */
const readingCodes = new Set([26, 27, 33, 34, 38, 41, 117, 131, 432, 636]);

const neverConnected = new Set(["ECONNREFUSED", "ENOTFOUND", "EHOSTUNREACH", "ENETUNREACH"]);

export function failureOf(error: unknown): InsertFailure {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ClickHouseError)) {
    const system = systemCode(error);
    return { kind: "transient", code: system, message, inDoubt: !neverConnected.has(system) };
  }
  const code = Number(error.code);
  const kind = configCodes.has(code) ? "config" : poisonCodes.has(code) ? "poison" : "transient";
  // The code says nothing about the step, so the text is asked as well, and only ever to be more careful.
  const inDoubt = !readingCodes.has(code) || message.includes("while pushing to view");
  return { kind, code: String(code), message, inDoubt };
}

export function configReason(failure: InsertFailure): string {
  return configCodes.get(Number(failure.code)) ?? "rejected";
}

function systemCode(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string")
    return error.code;
  return error instanceof Error && /timeout/i.test(error.name + error.message)
    ? "timeout"
    : "unknown";
}
