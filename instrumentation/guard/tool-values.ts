/** Arguments and results of tools, which are values of any shape: checked as JSON text. */
import type { ToolCall } from "./check.ts";
import type { CallChecks } from "./call-checks.ts";

/** The same value where nothing is replaced. */
export async function cleanValue(
  value: unknown,
  check: (text: string) => Promise<string[]>,
): Promise<unknown> {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (text === undefined) return value;
  const [clean] = await check(text);
  if (clean === undefined || clean === text) return value;
  return typeof value === "string" ? clean : (JSON.parse(clean) as unknown);
}

/** The tool calls of a whole answer. @throws Stop */
export async function cleanToolCalls(
  calls: readonly ToolCall[],
  checks: CallChecks,
): Promise<void> {
  for (const toolCall of calls) {
    checks.toolCall(toolCall);
    const clean = await cleanValue(toolCall.arguments, (text) => checks.texts("tool_call", [text]));
    if (clean !== toolCall.arguments) toolCall.arguments = clean;
  }
}
