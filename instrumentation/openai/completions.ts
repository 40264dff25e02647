/** completions.create: the older text completions. */
import { ATTR } from "../conventions.ts";
import type { Dialect, Reply, StreamReader } from "../dialect.ts";
import { count, fields, list, text, type Fields } from "../untyped.ts";
import { chatUsage, normalFinishReason } from "./chat.ts";
import { commonParameters, copyList, putCount, sizeOf } from "./request.ts";

export const completions: Dialect = {
  operation: "text_completion",
  request(body) {
    const attributes = commonParameters(body);
    putCount(attributes, ATTR.requestMaxTokens, body["max_tokens"]);
    return attributes;
  },
  content: (body) => ({
    system: undefined,
    messages: copyList(body["prompt"]),
    tools: [],
    size: sizeOf(body["prompt"]),
  }),
  reply: (result) => replyOf(result, list(result["choices"])),
  stream: () => new CompletionStream(),
  input: (content, writer) => ({
    messages: prompts(content.messages).map((prompt) => ({
      role: "user",
      parts: [writer.textPart(prompt)],
    })),
  }),
  output: (reply, writer) =>
    reply.output.map((choice, at) => ({
      role: "assistant",
      parts: [writer.textPart(text(fields(choice)?.["text"]) ?? "")],
      finish_reason: normalFinishReason(reply.finishReasons[at]),
    })),
};

/** One or several texts; arrays of token ids say nothing to a reader and are left out. */
function prompts(prompt: unknown): string[] {
  if (typeof prompt === "string") return [prompt];
  return list(prompt).filter((one) => typeof one === "string");
}

function replyOf(result: Fields, choices: readonly unknown[]): Reply {
  return {
    id: text(result["id"]),
    model: text(result["model"]),
    finishReasons: choices.map((choice) => text(fields(choice)?.["finish_reason"]) ?? "error"),
    usage: chatUsage(result["usage"]),
    systemFingerprint: text(result["system_fingerprint"]),
    output: choices,
    outputSize: sizeOf(choices),
  };
}

class CompletionStream implements StreamReader {
  #last: Record<string, unknown> = {};
  readonly #choices = new Map<number, { text: string[]; finish_reason: unknown }>();

  read(event: unknown): boolean {
    const chunk = fields(event);
    if (!chunk) return false;
    for (const name of ["id", "model", "system_fingerprint", "usage"])
      if (chunk[name]) this.#last[name] = chunk[name];
    let output = false;
    for (const value of list(chunk["choices"])) {
      const choice = fields(value) ?? {};
      const index = count(choice["index"]) ?? 0;
      const parts = this.#choices.get(index) ?? { text: [], finish_reason: undefined };
      this.#choices.set(index, parts);
      if (choice["finish_reason"]) parts.finish_reason = choice["finish_reason"];
      if (typeof choice["text"] !== "string" || choice["text"] === "") continue;
      parts.text.push(choice["text"]);
      output = true;
    }
    return output;
  }

  reply(): Reply {
    const choices = [...this.#choices.entries()]
      .sort(([a], [b]) => a - b)
      .map(([, parts]) => ({ text: parts.text.join(""), finish_reason: parts.finish_reason }));
    return replyOf(this.#last, choices.length > 0 ? choices : [{ text: "" }]);
  }
}
