/**
 * An answer as the service reads it from the wire → the Reply of its dialect. Bytes are decoded and events parsed as
 * they come; nothing of the service's is kept but text, and of that no more than the limits say.
 */
import { forget, type Abandonable } from "../abandoned.ts";
import type { Dialect, Reply, StreamReader } from "../dialect.ts";
import { countError, guarded } from "../health.ts";
import type { ModelCall } from "../model-call.ts";
import { fields, isFields, text } from "../untyped.ts";
import { jsonLines, serverSentEvents, type EventSplitter } from "./event-splitter.ts";
import { named } from "./signal-errors.ts";
import { shortenVectors } from "./vectors.ts";
import type { BodyListener } from "./watch-body.ts";

/** Characters: of an answer in one piece, and of the events of a stream. What is longer is not described in full. */
const ANSWER_LIMIT = 8 * 1024 * 1024;

/** Past the limit only these are kept: they hold why it stopped, and the usage. */
const LAST_EVENTS = 3;

interface AnswerParser {
  push(text: string): void;
  /** What there is so far; undefined where it cannot be read. */
  reply(): Reply | undefined;
}

/** Knows the call, never the response. */
export class Answer implements Abandonable, BodyListener {
  lastActivity = performance.now();
  readonly #call: ModelCall;
  readonly #contentType: string;
  readonly #decoder = new TextDecoder();
  /** Chosen when there is something to read. */
  #parser: AnswerParser | undefined;
  #over = false;
  #unlisten: (() => void) | undefined;

  constructor(call: ModelCall, contentType: string) {
    this.#call = call;
    this.#contentType = contentType;
  }

  /** An aborted body fails whoever is reading it; where nobody is just then, only the signal tells. */
  endOn(signal: AbortSignal): void {
    const onAbort = (): void => this.fail(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#unlisten = () => signal.removeEventListener("abort", onAbort);
  }

  read(bytes: Uint8Array): void {
    if (this.#over) return;
    this.lastActivity = performance.now();
    guarded("reading an answer", () => {
      const piece = this.#decoder.decode(bytes, { stream: true });
      this.#parser ??= this.#parserFor(piece);
      this.#parser.push(piece);
    });
  }

  end(): void {
    this.#finish((reply) => (reply ? this.#call.succeed(reply) : this.#call.finishUnseen()));
  }

  fail(error: unknown): void {
    this.#finish((reply) => this.#call.fail(named(error), reply));
  }

  abandon(): void {
    this.#finish((reply) => this.#call.abandon(reply ?? this.#call.dialect.stream().reply()));
  }

  #parserFor(beginning: string): AnswerParser {
    const { dialect } = this.#call;
    const splitter = splitterFor(this.#contentType, beginning);
    if (!splitter) return documentParser(dialect);
    return eventParser(
      splitter,
      dialect.stream(),
      () => this.#call.firstChunk(),
      // The last event is the end: some clients read no further.
      () => this.end(),
    );
  }

  #finish(finish: (reply: Reply | undefined) => void): void {
    if (this.#over) return;
    this.#over = true;
    forget(this);
    this.#unlisten?.();
    let reply: Reply | undefined;
    try {
      reply = this.#parser?.reply();
    } catch (error) {
      countError("reading an answer", error);
    }
    finish(reply);
  }
}

type Splitter = (onData: (data: string) => void) => EventSplitter;

/** undefined: the answer comes in one piece. Servers that name no known type are told by how they begin. */
function splitterFor(contentType: string, beginning: string): Splitter | undefined {
  if (/event-stream/i.test(contentType)) return serverSentEvents;
  if (/ndjson|jsonl|json-?lines|stream\+json/i.test(contentType)) return jsonLines;
  return /json/i.test(contentType) || /^\s*[[{]/.test(beginning) ? undefined : serverSentEvents;
}

/** An answer in one piece, or an array of events where the API has no other form of stream. */
function documentParser(dialect: Dialect): AnswerParser {
  const parts: string[] = [];
  let size = 0;
  const keep = (part: string): void => {
    size += part.length;
    if (size <= ANSWER_LIMIT) parts.push(part);
  };
  // Vectors are not content, and a batch of them is megabytes.
  const shorten = dialect.operation === "embeddings" ? shortenVectors(keep) : undefined;
  return {
    push: (part) => (shorten ? shorten.push(part) : keep(part)),
    reply() {
      shorten?.end();
      const value = size > ANSWER_LIMIT ? undefined : parseJson(parts.join(""));
      if (isFields(value)) return dialect.reply(value);
      if (!Array.isArray(value)) return undefined;
      const reader = dialect.stream();
      for (const event of value) reader.read(event);
      return reader.reply();
    },
  };
}

function eventParser(
  splitter: Splitter,
  reader: StreamReader,
  onOutput: () => void,
  onDone: () => void,
): AnswerParser {
  let size = 0;
  let last: string[] = [];
  let failure: string | undefined;
  const read = (data: string): void => {
    const event = parseJson(data);
    failure ??= failureOf(event);
    if (reader.read(event)) onOutput();
    if (reader.complete) onDone();
  };
  const events = splitter((data) => {
    if (data === "[DONE]") return onDone();
    size += data.length;
    if (size <= ANSWER_LIMIT) return read(data);
    last = [...last.slice(1 - LAST_EVENTS), data];
  });
  return {
    push: (part) => events.push(part),
    reply() {
      events.end();
      for (const data of last) read(data);
      last = [];
      const reply = reader.reply();
      return failure === undefined ? reply : { ...reply, failure: reply.failure ?? failure };
    },
  };
}

/** An API that fails after it began to answer says so in an event; the word differs, the field does not. */
function failureOf(event: unknown): string | undefined {
  const error = fields(event)?.["error"];
  if (!error) return undefined;
  const named = fields(error);
  return text(named?.["code"]) ?? text(named?.["type"]) ?? text(named?.["status"]) ?? "error";
}

/** undefined: cut off, or of another kind. The service sees it as it is. */
function parseJson(value: string): unknown {
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return undefined;
  }
}
