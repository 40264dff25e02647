/** Tool calls that come in the parts of a stream: put together, and said when they are complete. */
import { fields, isFields, list, text } from "../untyped.ts";
import { answerToolCalls } from "./answer-texts.ts";
import type { ToolCall } from "./check.ts";
import { numberOf } from "./part-texts.ts";

interface Open {
  name: string;
  arguments: string;
}

export class StreamedToolCalls {
  /** By where they stand: choice and number, or block. */
  readonly #open = new Map<string, Open>();

  /** Whether a call has begun and is not complete. */
  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  /** The calls that this part makes complete. */
  read(part: unknown): ToolCall[] {
    if (!isFields(part)) return [];
    const complete: ToolCall[] = [];
    for (const choice of list(part["choices"])) {
      const at = String(numberOf(choice));
      for (const piece of list(fields(fields(choice)?.["delta"])?.["tool_calls"]))
        this.#add(`${at}/${String(fields(piece)?.["index"])}`, fields(piece)?.["function"]);
      if (text(fields(choice)?.["finish_reason"])) complete.push(...this.#close(`${at}/`));
    }
    const block = `block ${String(part["index"])}`;
    if (
      part["type"] === "content_block_start" &&
      fields(part["content_block"])?.["type"] === "tool_use"
    )
      this.#add(block, { name: fields(part["content_block"])?.["name"] });
    if (part["type"] === "content_block_delta" && this.#open.has(block))
      this.#add(block, { arguments: fields(part["delta"])?.["partial_json"] });
    if (part["type"] === "content_block_stop") complete.push(...this.#close(block));
    if (part["type"] === "response.output_item.done")
      complete.push(...answerToolCalls({ output: [part["item"]] }));
    if (part["candidates"]) complete.push(...answerToolCalls(part));
    return complete;
  }

  /** The stream is over. */
  finish(): ToolCall[] {
    return this.#close("");
  }

  #add(key: string, piece: unknown): void {
    const call = this.#open.get(key) ?? { name: "", arguments: "" };
    call.name += text(fields(piece)?.["name"]) ?? "";
    call.arguments += text(fields(piece)?.["arguments"]) ?? "";
    this.#open.set(key, call);
  }

  #close(prefix: string): ToolCall[] {
    const closed = [...this.#open].filter(([key]) => key.startsWith(prefix));
    for (const [key] of closed) this.#open.delete(key);
    return closed.map(([, call]) => call);
  }
}
