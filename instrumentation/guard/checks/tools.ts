/** Tools that a model may ask for, and what with. */
import { checkOf, type Check, type CheckOptions } from "../check.ts";
import { compileSchema } from "../json-schema.ts";
import { parsed } from "./json.ts";

export interface ToolsOptions extends Omit<CheckOptions, "action"> {
  action?: "warn" | "block" | "fallback";
  /** By name: a schema of the arguments, a function that tests them, or `true` for any. */
  allowed: Readonly<Record<string, unknown>>;
}

/**
 * Tool calls outside of a list, or with arguments that do not fit. Blocks unless told otherwise.
 * @example checks.tools({ allowed: { weather: { type: "object", required: ["city"] }, now: true } })
 */
export function tools(options: ToolsOptions): Check {
  const allowed = new Map(
    Object.entries(options.allowed).map(([name, rule]) => [
      name,
      typeof rule === "function"
        ? (value: unknown) => Boolean((rule as (value: unknown) => unknown)(value))
        : compileSchema(rule, `allowed.${name}`),
    ]),
  );
  return {
    ...checkOf(options, { name: "tools", stages: ["tool_call"], action: "block" }),
    toolCall: (call) => {
      const isValid = allowed.get(call.name);
      if (!isValid) return { types: ["tool_not_allowed"] };
      const given =
        typeof call.arguments === "string"
          ? parsed(call.arguments || "{}")
          : { json: call.arguments };
      if (!given) return { types: ["arguments_not_json"] };
      return isValid(given.json) ? undefined : { types: ["arguments"] };
    },
  };
}
