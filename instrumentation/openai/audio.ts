/** audio.speech.create, audio.transcriptions.create and audio.translations.create. Audio itself is never read. */
import { ATTR } from "../conventions.ts";
import type { Dialect, Reply, StreamReader } from "../dialect.ts";
import { fields, text, type Fields } from "../untyped.ts";
import { commonParameters, sizeOf } from "./request.ts";
import { responseUsage } from "./responses.ts";

const NOTHING: Reply = { finishReasons: [], output: [], outputSize: 0 };

/** What comes back is the sound, which says nothing of tokens. */
export const speech: Dialect = {
  operation: "speech",
  request: () => ({ [ATTR.outputType]: "speech" }),
  content: (body) => ({
    system: body["instructions"],
    messages: body["input"],
    tools: [],
    size: sizeOf(body["input"]),
  }),
  reply: () => NOTHING,
  stream: () => ({ read: () => true, reply: () => NOTHING }),
  input(content, writer) {
    const system = text(content.system);
    return {
      ...(system === undefined ? {} : { system: [writer.textPart(system)] }),
      messages: [{ role: "user", parts: [writer.textPart(text(content.messages) ?? "")] }],
    };
  },
  output: () => [],
};

/** Speech to text; the prompt is a hint to how it is spelled. */
export const transcription: Dialect = {
  operation: "transcription",
  request: (body) => ({ ...commonParameters(body), [ATTR.outputType]: "text" }),
  content: (body) => ({
    system: undefined,
    messages: body["prompt"],
    tools: [],
    size: sizeOf(body["prompt"]),
  }),
  reply: (result) => replyOf(result, text(result["text"]) ?? ""),
  stream: () => new TranscriptStream(),
  input(content, writer) {
    const prompt = text(content.messages);
    const messages = prompt ? [{ role: "user", parts: [writer.textPart(prompt)] }] : [];
    return { messages };
  },
  output: (reply, writer) =>
    reply.output.map((transcript) => ({
      role: "assistant",
      parts: [writer.textPart(text(transcript) ?? "")],
      finish_reason: reply.finishReasons[0],
    })),
};

function replyOf(result: Fields, transcript: string, reason = "stop"): Reply {
  return {
    finishReasons: [reason],
    // Older models are billed by the second, and say so instead.
    usage: responseUsage(result["usage"]),
    output: [transcript],
    outputSize: transcript.length,
  };
}

class TranscriptStream implements StreamReader {
  readonly #pieces: string[] = [];
  #done: Fields | undefined;

  read(value: unknown): boolean {
    const event = fields(value);
    if (event?.["type"] === "transcript.text.done") this.#done = event;
    const piece = event?.["type"] === "transcript.text.delta" ? text(event["delta"]) : undefined;
    if (piece) this.#pieces.push(piece);
    return piece !== undefined;
  }

  reply(): Reply {
    const done = this.#done;
    if (done) return replyOf(done, text(done["text"]) ?? "");
    return replyOf({}, this.#pieces.join(""), "error");
  }
}
