/**
 * What comes in: query parameters, checked once at the edge.
 *
 * A parameter that an address does not know is refused, since a misspelt filter would silently show everything.
 * Every problem names the parameter, what was expected and what came.
 */
import { z } from "zod";
import { badParameter } from "./errors.ts";

/** As express parses it: a repeated parameter is an array. */
export type RawQuery = Record<string, unknown>;

const UNIT_MS: Record<string, number> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const TIME = 'RFC 3339 ("2026-01-31T12:00:00Z"), unix milliseconds or relative ("now", "now-24h")';
const RFC3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)$/;
/** DateTime64(9) ends in 2262. */
const LATEST_MS = Date.UTC(2262, 0, 1);

function parseTime(text: string, nowMs: number): number | undefined {
  const relative = /^now(?:-(\d{1,6})([smhdw]))?$/.exec(text);
  if (relative) return nowMs - Number(relative[1] ?? 0) * (UNIT_MS[relative[2] ?? "s"] ?? 0);
  if (/^\d{1,14}$/.test(text)) return Number(text);
  return RFC3339.test(text) ? Date.parse(text) : undefined;
}

/** A moment, in unix milliseconds. */
export function time(nowMs: number): z.ZodType<number, string> {
  return z.string().transform((text, ctx) => {
    const ms = parseTime(text, nowMs);
    if (ms !== undefined && ms >= 0 && ms < LATEST_MS) return ms;
    ctx.addIssue({ code: "custom", message: TIME });
    return z.NEVER;
  });
}

/** One value or several (the parameter repeated): a row matches when it has any of them. */
export const anyOf = z
  .union([z.string(), z.array(z.string())], { message: "text" })
  .transform((value) => (typeof value === "string" ? [value] : value))
  .refine(
    (values) => values.length <= 50 && values.every((v) => v.length <= 1024),
    "up to 50 values of 1,024 characters",
  );

export function wholeNumber(min: number, max: number): z.ZodType<number, string> {
  const message = `a whole number from ${min} to ${max}`;
  return z
    .string({ message })
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .refine((n) => n >= min && n <= max, message);
}

export const flag = z
  .enum(["true", "false"], { message: '"true" or "false"' })
  .transform((v) => v === "true");

export const statusFilter = z.enum(["ok", "error"], { message: '"ok" or "error"' });

/** A comma list of different names out of `known`. */
export function namesOf<const T extends string>(known: readonly T[]): z.ZodType<T[], string> {
  const message = `a comma list of ${known.join(", ")}, each once`;
  return z.string({ message }).transform((text, ctx) => {
    const names = text.split(",").map((name) => name.trim());
    const found = names.filter((name): name is T => known.some((k) => k === name));
    if (found.length === names.length && new Set(names).size === names.length) return found;
    ctx.addIssue({ code: "custom", message });
    return z.NEVER;
  });
}

const STEP = 'a step such as "1m", "5m", "1h" or "1d"';

/** A step of time, in seconds. */
export const step = z.string({ message: STEP }).transform((text, ctx) => {
  const match = /^(\d{1,5})([mhd])$/.exec(text);
  const seconds = match ? (Number(match[1]) * UNIT_MS[match[2]!]!) / 1000 : 0;
  if (seconds >= 60 && seconds <= 366 * 86_400) return seconds;
  ctx.addIssue({ code: "custom", message: `${STEP}, up to 366d` });
  return z.NEVER;
});

/**
 * Checks `query` against `shape`.
 * @throws ApiError `bad_parameter` for the first problem
 */
export function readParameters<T extends z.ZodRawShape>(
  shape: T,
  query: RawQuery,
): z.output<z.ZodObject<T>> {
  const unknown = Object.keys(query).find((key) => !Object.hasOwn(shape, key));
  if (unknown !== undefined) {
    throw badParameter(
      unknown,
      `one of the parameters ${Object.keys(shape).join(", ")}`,
      shown(query[unknown]),
    );
  }
  const parsed = z.object(shape).safeParse(query);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const key = String(issue.path[0] ?? "query");
  if (query[key] === undefined) throw badParameter(key, expectedWhenMissing(key), "");
  const repeated = Array.isArray(query[key]) && issue.code === "invalid_type";
  throw badParameter(key, repeated ? "one value" : issue.message, shown(query[key]));
}

function expectedWhenMissing(key: string): string {
  return key === "from" || key === "to" ? TIME : "a value";
}

function shown(value: unknown): string {
  const text =
    typeof value === "string"
      ? value
      : Array.isArray(value)
        ? value.join(", ")
        : JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** @throws ApiError unless from is before to */
export function checkRange(fromMs: number, toMs: number): void {
  if (fromMs < toMs) return;
  throw badParameter(
    "from",
    `a time before to (${new Date(toMs).toISOString()})`,
    new Date(fromMs).toISOString(),
  );
}

/** Nanoseconds since 1970 as the text of an Int64 query parameter. */
export function nanos(ms: number): string {
  return (BigInt(Math.round(ms * 1000)) * 1000n).toString();
}

/** Ids as 2n lower-case hex digits; zeros alone mean "no id" in OTLP and are refused. */
export function readId(parameter: string, text: string, bytes: number): string {
  const id = text.toLowerCase();
  if (id.length === bytes * 2 && /^[0-9a-f]+$/.test(id) && !/^0+$/.test(id)) return id;
  throw badParameter(parameter, `${bytes * 2} hex digits, not all zero`, shown(text));
}
