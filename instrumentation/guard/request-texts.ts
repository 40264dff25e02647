/** The texts of a request: plain text, or the messages of OpenAI, Anthropic, Gemini and what speaks like them. */
import { isFields, text, type Fields } from "../untyped.ts";
import type { Stage } from "./check.ts";
import type { VisitStage } from "./shapes.ts";

/** The first argument holds the request; what comes after it are options. */
export function requestTexts(args: readonly unknown[], visit: VisitStage): unknown[] {
  return args.map((arg, at) => (at === 0 ? requestOf(arg, visit) : arg));
}

function requestOf(request: unknown, visit: VisitStage): unknown {
  if (typeof request === "string") return visit(request, "input");
  if (Array.isArray(request)) return mapped(request, (one) => messageOf(one, "input", visit));
  if (!isFields(request)) return request;
  return replaced(request, {
    system: (value) => contentOf(value, "prompt", visit),
    instructions: (value) => contentOf(value, "prompt", visit),
    systemInstruction: (value) => messageOf(value, "prompt", visit),
    messages: (value) => mapped(value, (one) => messageOf(one, "input", visit)),
    contents: (value) =>
      typeof value === "string"
        ? visit(value, "input")
        : mapped(value, (one) => messageOf(one, "input", visit)),
    input: (value) =>
      typeof value === "string"
        ? visit(value, "input")
        : mapped(value, (one) => messageOf(one, "input", visit)),
    prompt: (value) =>
      typeof value === "string"
        ? visit(value, "input")
        : mapped(value, (one) => messageOf(one, "input", visit)),
  });
}

const STAGES: Readonly<Record<string, Stage>> = {
  user: "input",
  system: "prompt",
  developer: "prompt",
  assistant: "prompt",
  model: "prompt",
  tool: "tool_result",
  function: "tool_result",
};

function messageOf(message: unknown, usual: Stage, visit: VisitStage): unknown {
  if (typeof message === "string") return visit(message, usual);
  if (!isFields(message)) return message;
  const type = text(message["type"]);
  if (type === "function_call_output" || type === "custom_tool_call_output")
    return replaced(message, { output: (value) => contentOf(value, "tool_result", visit) });
  const stage = STAGES[text(message["role"]) ?? ""] ?? usual;
  return replaced(message, {
    content: (value) => contentOf(value, stage, visit),
    parts: (value) => contentOf(value, stage, visit),
  });
}

/** A text, or parts of which some are texts. */
function contentOf(content: unknown, stage: Stage, visit: VisitStage): unknown {
  if (typeof content === "string") return visit(content, stage);
  return mapped(content, (part) => partOf(part, stage, visit));
}

function partOf(part: unknown, stage: Stage, visit: VisitStage): unknown {
  if (typeof part === "string") return visit(part, stage);
  if (!isFields(part)) return part;
  if (part["type"] === "tool_result")
    return replaced(part, { content: (value) => contentOf(value, "tool_result", visit) });
  return replaced(part, {
    text: (value) => (typeof value === "string" ? visit(value, stage) : value),
  });
}

function mapped(list: unknown, map: (one: unknown) => unknown): unknown {
  if (!Array.isArray(list)) return list;
  const changed = list.map(map);
  return changed.some((one, at) => one !== list[at]) ? changed : list;
}

/** The same object where nothing changes. */
function replaced(
  holder: Fields,
  places: Readonly<Record<string, (value: unknown) => unknown>>,
): Fields {
  let copy: Record<string, unknown> | undefined;
  for (const [name, map] of Object.entries(places)) {
    const value = holder[name];
    if (value === undefined || value === null) continue;
    const changed = map(value);
    if (changed !== value) (copy ??= { ...holder })[name] = changed;
  }
  return copy ?? holder;
}
