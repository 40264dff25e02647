/** The texts and tool calls of a whole answer, changed in place. */
import { fields, isFields, list, text } from "../untyped.ts";
import type { ToolCall } from "./check.ts";
import type { VisitText } from "./shapes.ts";

export function answerTexts(answer: unknown, visit: VisitText): unknown {
  if (typeof answer === "string") return visit(answer);
  if (!isFields(answer)) return answer;
  // OpenAI's chat and text completions.
  for (const choice of list(answer["choices"])) {
    set(fields(choice)?.["message"], "content", visit);
    set(choice, "text", visit);
  }
  // Its responses; `output_text` is all of their texts once more.
  for (const item of list(answer["output"])) setParts(fields(item)?.["content"], visit);
  if (answer["object"] === "response") joinOutputText(answer);
  // Anthropic's messages, and Gemini's candidates.
  setParts(answer["content"], visit);
  for (const candidate of list(answer["candidates"]))
    setParts(fields(fields(candidate)?.["content"])?.["parts"], visit);
  if (!isModelAnswer(answer))
    for (const name of ["text", "answer", "output", "content"]) set(answer, name, visit);
  return answer;
}

function isModelAnswer(answer: object): boolean {
  return "choices" in answer || "candidates" in answer || "usage" in answer;
}

function joinOutputText(response: Record<string, unknown>): void {
  if (typeof response["output_text"] !== "string") return;
  response["output_text"] = list(response["output"])
    .flatMap((item) => list(fields(item)?.["content"]))
    .map((part) => (fields(part)?.["type"] === "output_text" ? text(fields(part)?.["text"]) : ""))
    .join("");
}

export function setParts(parts: unknown, visit: VisitText): void {
  for (const part of list(parts)) set(part, "text", visit);
}

/** Writes where there is a text that changes; what cannot be written stays, and the check's event says what it holds. */
export function set(holder: unknown, name: string, visit: VisitText): void {
  if (typeof holder !== "object" || holder === null) return;
  const value: unknown = Reflect.get(holder, name);
  if (typeof value !== "string") return;
  const changed = visit(value);
  if (changed === value) return;
  if (!Reflect.set(holder, name, changed))
    throw new TypeError(
      `expected an answer whose "${name}" can be replaced, got one that is read only`,
    );
}

export function answerToolCalls(answer: unknown): ToolCall[] {
  if (!isFields(answer)) return [];
  const calls: ToolCall[] = [];
  for (const choice of list(answer["choices"]))
    for (const call of list(fields(fields(choice)?.["message"])?.["tool_calls"]))
      add(calls, fields(call)?.["function"] ?? fields(call)?.["custom"], "arguments", "input");
  for (const item of list(answer["output"]))
    if (/^(?:function|custom_tool|mcp)_call$/.test(text(fields(item)?.["type"]) ?? ""))
      add(calls, item, "arguments", "input");
  for (const part of list(answer["content"]))
    if (fields(part)?.["type"] === "tool_use") add(calls, part, "input");
  for (const candidate of list(answer["candidates"]))
    for (const part of list(fields(fields(candidate)?.["content"])?.["parts"]))
      add(calls, fields(part)?.["functionCall"], "args");
  return calls;
}

/** The arguments can be replaced where they are. */
function add(calls: ToolCall[], holder: unknown, ...names: string[]): void {
  if (!isFields(holder)) return;
  const name = text(holder["name"]);
  const key = names.find((one) => holder[one] !== undefined) ?? names[0];
  if (name === undefined || key === undefined) return;
  calls.push({
    name,
    get arguments() {
      return holder[key];
    },
    set arguments(given) {
      Reflect.set(holder, key, given);
    },
  });
}
