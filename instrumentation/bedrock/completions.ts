/** What Llama and Titan models take and give in InvokeModel: one prompt, one text. */
import type { Attributes } from "@opentelemetry/api";
import { ATTR } from "../conventions.ts";
import type { Dialect, Reply, StreamReader } from "../dialect.ts";
import { tokenUsage } from "../openai/chat.ts";
import { completions } from "../openai/completions.ts";
import { embeddings } from "../openai/embeddings.ts";
import { commonParameters, putCount } from "../openai/request.ts";
import { count, fields, list, text, type Fields } from "../untyped.ts";

/** https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html */
export const llama: Dialect = {
  ...completions,
  request(body) {
    const attributes = commonParameters(body);
    putCount(attributes, ATTR.requestMaxTokens, body["max_gen_len"]);
    return attributes;
  },
  reply: (result) =>
    replyOf({
      text: text(result["generation"]) ?? "",
      reason: text(result["stop_reason"]),
      input: count(result["prompt_token_count"]),
      output: count(result["generation_token_count"]),
    }),
  stream: () =>
    new TextReader((event) => ({
      text: text(event["generation"]) ?? "",
      reason: text(event["stop_reason"]),
      input: count(event["prompt_token_count"]),
      // Of all that was generated so far.
      output: count(event["generation_token_count"]),
    })),
};

/** https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-text.html */
export const titanText: Dialect = {
  ...completions,
  request(body) {
    const config = fields(body["textGenerationConfig"]) ?? {};
    const attributes: Attributes = {};
    putCount(attributes, ATTR.requestMaxTokens, config["maxTokenCount"]);
    putCount(attributes, ATTR.requestTemperature, config["temperature"]);
    putCount(attributes, ATTR.requestTopP, config["topP"]);
    const stop = list(config["stopSequences"]).filter((one) => typeof one === "string");
    if (stop.length > 0) attributes[ATTR.requestStopSequences] = stop;
    return attributes;
  },
  content: (body) => completions.content({ prompt: body["inputText"] }),
  reply(result) {
    const answer = fields(list(result["results"])[0]) ?? {};
    return replyOf({
      text: text(answer["outputText"]) ?? "",
      reason: text(answer["completionReason"]),
      input: count(result["inputTextTokenCount"]),
      output: count(answer["tokenCount"]),
    });
  },
  stream: () =>
    new TextReader((event) => ({
      text: text(event["outputText"]) ?? "",
      reason: text(event["completionReason"]),
      input: count(event["inputTextTokenCount"]),
      output: count(event["totalOutputTextTokenCount"]),
    })),
  output: (reply, writer) => completions.output(inOpenAiWords(reply), writer),
};

/** https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html */
export const titanEmbed: Dialect = {
  ...embeddings,
  content: (body) => embeddings.content({ input: body["inputText"] }),
  reply(result) {
    const vector = result["embedding"];
    const input = count(result["inputTextTokenCount"]);
    return {
      finishReasons: [],
      usage: input === undefined ? undefined : tokenUsage(input, 0),
      dimensions: Array.isArray(vector) ? vector.length : undefined,
      output: [],
      outputSize: 0,
    };
  },
};

/** A model whose form is not known: that it was asked, and what Bedrock itself says of it. */
export const unknownModel: Dialect = {
  ...completions,
  request: () => ({}),
  content: () => ({ system: undefined, messages: [], tools: [], size: 0 }),
  reply: () => ({ finishReasons: [], output: [], outputSize: 0 }),
  stream: () => ({
    read: () => true,
    reply: () => ({ finishReasons: [], output: [], outputSize: 0 }),
  }),
};

interface Piece {
  text: string;
  reason: string | undefined;
  input: number | undefined;
  output: number | undefined;
}

function replyOf({ text: answer, reason, input, output }: Piece): Reply {
  return {
    finishReasons: [reason ?? "error"],
    // Of a stream that is cut, what there was so far is not what was generated.
    usage: reason && output !== undefined ? tokenUsage(input ?? 0, output) : undefined,
    output: [{ text: answer }],
    outputSize: answer.length,
  };
}

class TextReader implements StreamReader {
  readonly #pieceOf: (event: Fields) => Piece;
  readonly #text: string[] = [];
  #reason: string | undefined;
  #input: number | undefined;
  #output: number | undefined;

  constructor(pieceOf: (event: Fields) => Piece) {
    this.#pieceOf = pieceOf;
  }

  read(value: unknown): boolean {
    const piece = this.#pieceOf(fields(value) ?? {});
    this.#reason = piece.reason ?? this.#reason;
    this.#input = piece.input ?? this.#input;
    this.#output = piece.output ?? this.#output;
    if (piece.text === "") return false;
    this.#text.push(piece.text);
    return true;
  }

  reply(): Reply {
    return replyOf({
      text: this.#text.join(""),
      reason: this.#reason,
      input: this.#input,
      output: this.#output,
    });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  FINISH: "stop",
  FINISHED: "stop",
  LENGTH: "length",
  CONTENT_FILTERED: "content_filter",
};

function inOpenAiWords(reply: Reply): Reply {
  return {
    ...reply,
    finishReasons: reply.finishReasons.map((reason) => REASONS[reason] ?? reason),
  };
}
