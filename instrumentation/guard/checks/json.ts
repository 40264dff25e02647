/** Answers that are to be JSON of one shape. */
import { checkOf, type Check, type CheckOptions } from "../check.ts";
import { compileSchema, type Validate } from "../json-schema.ts";

export interface JsonOptions extends Omit<CheckOptions, "action"> {
  action?: "warn" | "block" | "fallback";
  /** Of the value: what providers take for structured output. */
  schema?: unknown;
  /** Instead of a schema: what a validator made of one, or any test. */
  validate?: Validate;
}

/**
 * That the answer is JSON, and of the shape asked for. A stream is held back whole when it is to be blocked.
 * @example checks.json({ schema: { type: "object", required: ["answer"] }, action: "block" })
 */
export function json(options: JsonOptions = {}): Check {
  const isValid = options.validate ?? compileSchema(options.schema ?? true);
  return {
    ...checkOf(options, { name: "json_schema", stages: ["output"] }),
    inspect: (text) => {
      const value = parsed(text);
      if (value === undefined) return { types: ["not_json"] };
      return isValid(value.json) ? undefined : { types: ["schema"] };
    },
  };
}

/** undefined: it is no JSON. */
export function parsed(text: string): { json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}
