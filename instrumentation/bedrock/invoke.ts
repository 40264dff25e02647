/**
 * InvokeModel and InvokeModelWithResponseStream: bytes in the form of whichever model it is, in an envelope of Bedrock's.
 * The form is told by the fields of the request, because an id may be that of a profile that says nothing of the model.
 */
import { messages } from "../anthropic/messages.ts";
import { ATTR } from "../conventions.ts";
import type { Dialect, Reply, StreamReader } from "../dialect.ts";
import * as cohere from "../net/cohere.ts";
import { bodyOf } from "../net/request-body.ts";
import { chat } from "../openai/chat.ts";
import { tokenUsage } from "../openai/chat.ts";
import type { Usage } from "../pricing.ts";
import { count, fields, text, type Fields } from "../untyped.ts";
import { llama, titanEmbed, titanText, unknownModel } from "./completions.ts";
import { converse } from "./converse.ts";

/** The first whose field the request has. */
const FORMS: readonly (readonly [field: string, dialect: Dialect])[] = [
  ["anthropic_version", messages],
  ["max_gen_len", llama],
  ["inferenceConfig", converse],
  ["schemaVersion", converse],
  ["textGenerationConfig", titanText],
  ["texts", cohere.embed],
  ["message", cohere.chatV1],
  ["messages", chat],
];

/** Where the fields say too little. */
const FAMILIES: readonly (readonly [id: string, dialect: Dialect])[] = [
  ["amazon.nova", converse],
  ["amazon.titan-embed", titanEmbed],
  ["amazon.titan", titanText],
  ["meta.llama", llama],
];

export function dialectOf(model: string, body: Fields): Dialect {
  const family = FAMILIES.find(([id]) => model.includes(id))?.[1];
  const form = FORMS.find(([field]) => body[field] !== undefined)?.[1];
  return family ?? form ?? unknownModel;
}

/** The model's own dialect inside the envelope. */
export function invoked(inner: Dialect, streams: boolean): Dialect {
  return {
    ...inner,
    request: (body) => ({
      ...inner.request(body),
      ...(streams ? { [ATTR.requestStream]: true } : {}),
    }),
    reply: (result) => withRequestId(inner.reply(bytesAsJson(result["body"])), result),
    stream: () => new InvokeReader(inner.stream()),
  };
}

/** Text or bytes of JSON; anything else reads as nothing. */
export function bytesAsJson(value: unknown): Fields {
  try {
    return fields(JSON.parse(bodyOf(value)?.toString() ?? "{}")) ?? {};
  } catch {
    // Bedrock will say so to the service.
    return {};
  }
}

function withRequestId(reply: Reply, result: Fields): Reply {
  return { ...reply, id: reply.id ?? text(fields(result["$metadata"])?.["requestId"]) };
}

/** Chunks of bytes; in the last one Bedrock adds what it counted, whatever the model. */
class InvokeReader implements StreamReader {
  readonly #inner: StreamReader;
  #counted: Usage | undefined;

  constructor(inner: StreamReader) {
    this.#inner = inner;
  }

  read(value: unknown): boolean {
    const bytes = fields(fields(value)?.["chunk"])?.["bytes"];
    if (bytes === undefined) return false;
    const event = bytesAsJson(bytes);
    const metrics = fields(event["amazon-bedrock-invocationMetrics"]);
    const input = count(metrics?.["inputTokenCount"]);
    const output = count(metrics?.["outputTokenCount"]);
    if (input !== undefined && output !== undefined) this.#counted = tokenUsage(input, output);
    return this.#inner.read(event);
  }

  reply(): Reply {
    const reply = this.#inner.reply();
    return { ...reply, usage: reply.usage ?? this.#counted };
  }
}
