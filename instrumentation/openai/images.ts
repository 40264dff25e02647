/** images.generate and images.edit. The image itself never leaves: its size and hash do. */
import { ATTR } from "../conventions.ts";
import type { ContentWriter } from "../content-writer.ts";
import type { Dialect, Reply, StreamReader } from "../dialect.ts";
import { fields, list, text, type Fields } from "../untyped.ts";
import { commonParameters, sizeOf } from "./request.ts";
import { responseUsage } from "./responses.ts";

export const images: Dialect = {
  operation: "image_generation",
  request: (body) => ({ ...commonParameters(body), [ATTR.outputType]: "image" }),
  content: (body) => ({
    system: undefined,
    messages: body["prompt"],
    tools: [],
    size: sizeOf(body["prompt"]),
  }),
  reply: (result) => replyOf(result, list(result["data"])),
  stream: () => new ImageStream(),
  input: (content, writer) => ({
    messages: [{ role: "user", parts: [writer.textPart(text(content.messages) ?? "")] }],
  }),
  output: (reply, writer) =>
    reply.output.map((image) => ({
      role: "assistant",
      parts: [imagePart(fields(image) ?? {}, writer)],
      finish_reason: "stop",
    })),
};

function replyOf(result: Fields, output: readonly unknown[]): Reply {
  return {
    model: text(result["model"]),
    finishReasons: output.map(() => "stop"),
    usage: responseUsage(result["usage"]),
    output,
    outputSize: 0,
  };
}

function imagePart(image: Fields, writer: ContentWriter): Fields {
  return typeof image["b64_json"] === "string"
    ? writer.blob("image", image["b64_json"])
    : writer.media("image", image["url"]);
}

/** Partial images come before the one that counts. */
class ImageStream implements StreamReader {
  #completed: Fields | undefined;

  read(value: unknown): boolean {
    const event = fields(value);
    if (text(event?.["type"])?.endsWith(".completed")) this.#completed = event;
    return typeof event?.["b64_json"] === "string";
  }

  reply(): Reply {
    if (this.#completed) return replyOf(this.#completed, [this.#completed]);
    return { finishReasons: ["error"], output: [], outputSize: 0 };
  }
}
