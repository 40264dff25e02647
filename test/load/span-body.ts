/**
 * OTLP requests of GenAI spans for load, made cheaply: a request is encoded once and then only patched.
 *
 * Every span has 13 attributes, 1 KB of prompt and 500 B of answer, about 2.2 KB in all; every value has a fixed
 * length, so its place in the bytes never moves. Ids, times, tokens and text depend on the seed and the span's number
 * alone: another process can tell from the numbers which spans must be stored.
 */

export interface SpanNumbers {
  seed: number;
  /** Spans of a trace have consecutive numbers. */
  spansPerTrace: number;
  /** Spans are spread over this many UTC days, today and before. */
  days: number;
}

const PROMPT_BYTES = 1024;
const ANSWER_BYTES = 500;
const NANOS_PER_DAY = 86_400_000_000_000n;

/** Never 0: an id of zeros is none. Different numbers below 2^32 give different ids: each step can be undone. */
function mix(n: number): number {
  let x = (n + 0x9e3779b9) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** 16 hex digits, as ClickHouse's `lower(hex(span_id))`. */
export function spanId(seed: number, n: number): string {
  return hex(mix(n)) + hex(mix(n ^ seed) | 1);
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}

const WORDS =
  "the of and a to in is you that it he was for on are as with his they I at be this have from or one had by word but not what all were we when your can said there use an each which she do how their if will up other about out many then them these so some her would make like him into time has look two more write go see number no way could people my than first water been call who oil its now find long down day did get come made may part refund invoice order shipping customer account password reset delivery".split(
    " ",
  );

/** Text to cut prompts from; words with digits in between compress about as well as prose does. */
const TEXT_BYTES = 4 * 1024 * 1024;

/** One text a seed, whatever the number of connections: making it takes longer than sending thousands of spans. */
const texts = new Map<number, Buffer>();

function textOf(seed: number): Buffer {
  const text = texts.get(seed) ?? makeText(seed);
  texts.set(seed, text);
  return text;
}

function makeText(seed: number): Buffer {
  const text = Buffer.alloc(TEXT_BYTES, 32);
  for (let at = 0, n = 0; at < TEXT_BYTES - 24; n++) {
    const random = mix(n ^ seed);
    at +=
      text.write(
        random % 5 === 0 ? random.toString(36) : WORDS[random % WORDS.length]!,
        at,
        "latin1",
      ) + 1;
  }
  return text;
}

/** Places of what is patched, from the start of the span's bytes. */
interface SpanLayout {
  bytes: Buffer;
  traceId: number;
  spanId: number;
  start: number;
  end: number;
  inputTokens: number;
  outputTokens: number;
  responseId: number;
  user: number;
  prompt: number;
  answer: number;
}

export class SpanBodies {
  readonly #numbers: SpanNumbers;
  readonly #text: Buffer;
  readonly #layout = layOutSpan();
  readonly #body: Buffer;
  readonly #firstSpan: number;
  readonly #batch: number;

  /** Bodies of `batch` spans each. */
  constructor(numbers: SpanNumbers, batch: number) {
    this.#numbers = numbers;
    this.#text = textOf(numbers.seed);
    this.#batch = batch;
    const spans = Buffer.concat(Array.from({ length: batch }, () => this.#layout.bytes));
    this.#body = request(spans);
    this.#firstSpan = this.#body.length - spans.length;
  }

  get byteLength(): number {
    return this.#body.length;
  }

  /** The request with spans `from`, `from + 1`, …; its bytes are valid until the next call. */
  body(from: number, nowUnixNano: bigint): Buffer {
    const { length } = this.#layout.bytes;
    for (let i = 0; i < this.#batch; i++)
      this.#patch(this.#firstSpan + i * length, from + i, nowUnixNano);
    return this.#body;
  }

  /** The request that `body` made last, as OTLP/JSON. */
  json(): string {
    const { length } = this.#layout.bytes;
    const spans = Array.from({ length: this.#batch }, (_, i) =>
      this.#spanJson(this.#firstSpan + i * length),
    );
    const resource = [
      "service.name",
      "load",
      "service.version",
      "1.0.0",
      "deployment.environment.name",
      "bench",
    ];
    const attributes = [0, 2, 4].map((i) => ({
      key: resource[i],
      value: { stringValue: resource[i + 1] },
    }));
    return JSON.stringify({
      resourceSpans: [
        { resource: { attributes }, scopeSpans: [{ scope: { name: "load-generator" }, spans }] },
      ],
    });
  }

  #spanJson(at: number): unknown {
    const {
      traceId,
      spanId: id,
      start,
      end,
      inputTokens,
      outputTokens,
      responseId,
      user,
      prompt,
      answer,
    } = this.#layout;
    const body = this.#body;
    const text = (slot: number, length: number): string =>
      body.toString("latin1", at + slot, at + slot + length);
    const hexOf = (slot: number, length: number): string =>
      body.toString("hex", at + slot, at + slot + length);
    const tokens = (slot: number): number =>
      (body[at + slot]! & 0x7f) | (body[at + slot + 1]! << 7);
    const strings = {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-4o-mini",
      "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
      "gen_ai.response.id": `chatcmpl-${text(responseId, 8)}`,
      "gen_ai.conversation.id": "conversation-1",
      "user.id": `user-${text(user, 4)}`,
      "gen_ai.input.messages": message("user", text(prompt, PROMPT_BYTES)),
      "gen_ai.output.messages": message(
        "assistant",
        text(answer, ANSWER_BYTES),
        ',"finish_reason":"stop"',
      ),
    };
    return {
      traceId: hexOf(traceId, 16),
      spanId: hexOf(id, 8),
      name: "chat gpt-4o-mini",
      kind: 3,
      startTimeUnixNano: String(body.readBigUInt64LE(at + start)),
      endTimeUnixNano: String(body.readBigUInt64LE(at + end)),
      attributes: [
        ...Object.entries(strings).map(([key, stringValue]) => ({ key, value: { stringValue } })),
        { key: "gen_ai.request.temperature", value: { doubleValue: 0.2 } },
        {
          key: "gen_ai.response.finish_reasons",
          value: { arrayValue: { values: [{ stringValue: "stop" }] } },
        },
        { key: "gen_ai.usage.input_tokens", value: { intValue: String(tokens(inputTokens)) } },
        { key: "gen_ai.usage.output_tokens", value: { intValue: String(tokens(outputTokens)) } },
      ],
    };
  }

  #patch(at: number, n: number, nowUnixNano: bigint): void {
    const { seed, spansPerTrace, days } = this.#numbers;
    const body = this.#body;
    const layout = this.#layout;
    const trace = Math.floor(n / spansPerTrace);
    body.writeUInt32BE(mix(seed), at + layout.traceId);
    body.writeUInt32BE(mix(trace ^ seed), at + layout.traceId + 4);
    body.writeUInt32BE(mix(trace), at + layout.traceId + 8);
    body.writeUInt32BE(mix(~trace), at + layout.traceId + 12);
    body.writeUInt32BE(mix(n), at + layout.spanId);
    body.writeUInt32BE((mix(n ^ seed) | 1) >>> 0, at + layout.spanId + 4);
    const random = mix(n + seed);
    const start = nowUnixNano - BigInt(n % days) * NANOS_PER_DAY - BigInt(random % 1_000_000_000);
    body.writeBigUInt64LE(start, at + layout.start);
    body.writeBigUInt64LE(start + BigInt(50_000_000 + (random % 4_000_000_000)), at + layout.end);
    writeVarint2(body, at + layout.inputTokens, 200 + (random % 2000));
    writeVarint2(body, at + layout.outputTokens, 130 + (random % 500));
    body.write(hex(mix(n)), at + layout.responseId, "latin1");
    body.write(hex(trace % 5000).slice(4), at + layout.user, "latin1");
    const from = random % (TEXT_BYTES - PROMPT_BYTES);
    this.#text.copy(body, at + layout.prompt, from, from + PROMPT_BYTES);
    body.write(hex(mix(n)), at + layout.prompt, "latin1"); // no two prompts are equal
    const other = mix(random) % (TEXT_BYTES - ANSWER_BYTES);
    this.#text.copy(body, at + layout.answer, other, other + ANSWER_BYTES);
  }
}

/** A varint of exactly two bytes. */
function writeVarint2(body: Buffer, at: number, value: number): void {
  body[at] = (value & 0x7f) | 0x80;
  body[at + 1] = value >>> 7;
}

const SLOT = {
  responseId: "RRRRRRRR",
  user: "UUUU",
  prompt: "P".repeat(PROMPT_BYTES),
  answer: "A".repeat(ANSWER_BYTES),
};

function message(role: string, text: string, more = ""): string {
  return `[{"role":"${role}","parts":[{"type":"text","content":"${text}"}]${more}}]`;
}

function layOutSpan(): SpanLayout {
  const traceId = Buffer.alloc(16, 0xf1);
  const id = Buffer.alloc(8, 0xf2);
  const start = Buffer.alloc(8, 0xf3);
  const end = Buffer.alloc(8, 0xf4);
  const span = Buffer.concat([
    bytesField(1, traceId),
    bytesField(2, id),
    bytesField(5, "chat gpt-4o-mini"),
    varintField(6, 3),
    Buffer.from([(7 << 3) | 1]),
    start,
    Buffer.from([(8 << 3) | 1]),
    end,
    textAttribute("gen_ai.operation.name", "chat"),
    textAttribute("gen_ai.provider.name", "openai"),
    textAttribute("gen_ai.request.model", "gpt-4o-mini"),
    textAttribute("gen_ai.response.model", "gpt-4o-mini-2024-07-18"),
    textAttribute("gen_ai.response.id", `chatcmpl-${SLOT.responseId}`),
    attribute(
      "gen_ai.request.temperature",
      Buffer.concat([Buffer.from([(4 << 3) | 1]), doubleBytes(0.2)]),
    ),
    attribute(
      "gen_ai.response.finish_reasons",
      bytesField(5, bytesField(1, bytesField(1, "stop"))),
    ),
    attribute("gen_ai.usage.input_tokens", varintField(3, 0x3e81)),
    attribute("gen_ai.usage.output_tokens", varintField(3, 0x3e82)),
    textAttribute("gen_ai.conversation.id", "conversation-1"),
    textAttribute("user.id", `user-${SLOT.user}`),
    textAttribute("gen_ai.input.messages", message("user", SLOT.prompt)),
    textAttribute(
      "gen_ai.output.messages",
      message("assistant", SLOT.answer, ',"finish_reason":"stop"'),
    ),
  ]);
  const bytes = bytesField(2, span);
  const find = (slot: Buffer | string): number => {
    const at = bytes.indexOf(slot);
    if (at < 0) throw new Error("expected the template to hold every slot");
    return at;
  };
  return {
    bytes,
    traceId: find(traceId),
    spanId: find(id),
    start: find(start),
    end: find(end),
    inputTokens: find(Buffer.from([0x81, 0x7d])),
    outputTokens: find(Buffer.from([0x82, 0x7d])),
    responseId: find(SLOT.responseId),
    user: find(SLOT.user),
    prompt: find(SLOT.prompt),
    answer: find(SLOT.answer),
  };
}

/** ExportTraceServiceRequest with one resource and one scope; the spans come last. */
function request(spans: Buffer): Buffer {
  const resource = bytesField(
    1,
    Buffer.concat([
      textAttribute("service.name", "load", 1),
      textAttribute("service.version", "1.0.0", 1),
      textAttribute("deployment.environment.name", "bench", 1),
    ]),
  );
  const scope = bytesField(1, bytesField(1, "load-generator"));
  return bytesField(1, Buffer.concat([resource, bytesField(2, Buffer.concat([scope, spans]))]));
}

function textAttribute(key: string, value: string, field = 9): Buffer {
  return attribute(key, bytesField(1, value), field);
}

function attribute(key: string, value: Buffer, field = 9): Buffer {
  return bytesField(field, Buffer.concat([bytesField(1, key), bytesField(2, value)]));
}

function bytesField(field: number, value: Buffer | string): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
}

function varintField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}

function doubleBytes(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}
