/**
 * The events of a streamed message, put together to the message that they describe. Deltas are kept as they come and
 * joined only when the whole is asked for.
 */
import type { Reply, StreamReader } from "../dialect.ts";
import { count, fields, text, type Fields } from "../untyped.ts";

interface Block {
  start: Fields;
  /** Field of the block → what its deltas said. */
  deltas: Map<string, string[]>;
}

/** Type of a delta → its field, and the field of the block that it continues. */
const DELTAS: Readonly<Record<string, readonly [from: string, to: string]>> = {
  text_delta: ["text", "text"],
  thinking_delta: ["thinking", "thinking"],
  input_json_delta: ["partial_json", "input"],
};

export class MessageReader implements StreamReader {
  readonly #replyOf: (message: Fields) => Reply;
  readonly #blocks = new Map<number, Block>();
  #start: Fields = {};
  #stopReason: string | undefined;
  /** Of the end of the stream. At its beginning the output is not yet known: a cut stream has no usage. */
  #usage: Fields | undefined;

  constructor(replyOf: (message: Fields) => Reply) {
    this.#replyOf = replyOf;
  }

  read(value: unknown): boolean {
    const event = fields(value);
    switch (event?.["type"]) {
      case "message_start":
        this.#start = fields(event["message"]) ?? {};
        return false;
      case "content_block_start":
        return this.#startBlock(event);
      case "content_block_delta":
        return this.#continueBlock(event);
      case "message_delta":
        this.#stopReason = text(fields(event["delta"])?.["stop_reason"]);
        this.#usage = fields(event["usage"]);
        return false;
      default:
        return false;
    }
  }

  reply(): Reply {
    return this.#replyOf({
      ...this.#start,
      role: "assistant",
      stop_reason: this.#stopReason,
      usage: this.#usage && { ...fields(this.#start["usage"]), ...withoutNull(this.#usage) },
      content: [...this.#blocks.values()].map(wholeBlock),
    });
  }

  #startBlock(event: Fields): boolean {
    const start = fields(event["content_block"]) ?? {};
    this.#blocks.set(count(event["index"]) ?? 0, { start, deltas: new Map() });
    // Texts start empty; a tool's name, or a result, is output.
    return start["type"] !== "text" && start["type"] !== "thinking";
  }

  #continueBlock(event: Fields): boolean {
    const delta = fields(event["delta"]);
    const [from, to] = DELTAS[text(delta?.["type"]) ?? ""] ?? [];
    const piece = from === undefined ? undefined : text(delta?.[from]);
    const block = this.#blocks.get(count(event["index"]) ?? 0);
    if (!block || to === undefined || !piece) return false;
    const pieces = block.deltas.get(to);
    if (pieces) pieces.push(piece);
    else block.deltas.set(to, [piece]);
    return true;
  }
}

function wholeBlock({ start, deltas }: Block): Fields {
  const joined = [...deltas].map(([name, pieces]) => {
    const before = name === "input" ? "" : (text(start[name]) ?? "");
    return [name, before + pieces.join("")] as const;
  });
  return { ...start, ...Object.fromEntries(joined) };
}

/** The last word counts, where there is one. */
function withoutNull(usage: Fields): Fields {
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== null));
}
