/** Stored messages of the GenAI conventions as a chat completion takes them. */
import { z } from "zod";

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

const part = z.looseObject({ type: z.literal("text"), content: z.string() });
const system = z.array(part);
const message = z.looseObject({
  role: z.enum(["system", "developer", "user", "assistant"]),
  parts: z.array(part).min(1),
});

/** Undefined for what is not text alone (tool calls, files), or is cut: such a call cannot be asked again. */
export function chatMessages(instructions: unknown, input: unknown): ChatMessage[] | undefined {
  const before = instructions === "" ? [] : system.safeParse(instructions).data;
  const messages = z.array(message).min(1).safeParse(input).data;
  if (before === undefined || messages === undefined) return undefined;
  const asked = messages.map(({ role, parts }) => ({
    role: role === "developer" ? ("system" as const) : role,
    content: textOf(parts),
  }));
  return before.length > 0 ? [{ role: "system", content: textOf(before) }, ...asked] : asked;
}

function textOf(parts: readonly z.output<typeof part>[]): string {
  return parts.map(({ content }) => content).join("\n\n");
}
