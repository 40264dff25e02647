/**
 * Conversations in the form they had up to version 1.36 of the conventions: an event per message.
 *
 * Prompts and answers are content and belong with the content, so such events keep their name and time on the span and
 * give up their attributes. What comes out has the form of `gen_ai.input.messages` and `gen_ai.output.messages`. This
 * is off the hot path: only spans that have such events pay for it.
 */
import type { WireReader } from "../otlp/wire.ts";
import { readEntry, STRING, writeValue } from "./any-value.ts";
import { Interner, NOT_FOUND } from "./interner.ts";
import { JsonSink } from "./json-sink.ts";
import { utf8 } from "./scalar.ts";

const ROLES = new Map([
  ["gen_ai.system.message", "system"],
  ["gen_ai.user.message", "user"],
  ["gen_ai.assistant.message", "assistant"],
  ["gen_ai.tool.message", "tool"],
]);
const CHOICE = "gen_ai.choice";
const PROMPT = "gen_ai.content.prompt";
const COMPLETION = "gen_ai.content.completion";
const NAMES: readonly string[] = [...ROLES.keys(), CHOICE, PROMPT, COMPLETION];

const PROMPT_KEY = "gen_ai.prompt";
const COMPLETION_KEY = "gen_ai.completion";

type Json = Record<string, unknown>;

/** Whether the message of such an event was said by the model, in answer. */
export function isAnswer(eventName: string): boolean {
  return eventName === CHOICE || eventName === COMPLETION;
}

/** The message that an event of this name stands for, by its attributes and the members of its body. */
export function messageOfEvent(eventName: string, fields: Json): Json {
  if (eventName === CHOICE) return choiceOf(bodyOf(fields));
  if (eventName === PROMPT) return messageOf({ content: fields[PROMPT_KEY] }, "user");
  if (eventName === COMPLETION) return messageOf({ content: fields[COMPLETION_KEY] }, "assistant");
  return messageOf(bodyOf(fields), ROLES.get(eventName) ?? "user");
}

export class MessageEvents {
  readonly #names = new Interner(NAMES, NAMES.length);
  readonly #sink = new JsonSink();
  readonly #input: Json[] = [];
  readonly #output: Json[] = [];
  readonly #prompt: string[] = [];
  readonly #completion: string[] = [];

  clear(): void {
    this.#input.length = 0;
    this.#output.length = 0;
    this.#prompt.length = 0;
    this.#completion.length = 0;
  }

  /** Which kind of message an event is, by its name; -1 for an event that is none. */
  kindOf(reader: WireReader, nameAt: number, nameEnd: number): number {
    const kind = this.#names.find(reader.body, reader.view, nameAt, nameEnd);
    return kind === NOT_FOUND ? -1 : kind;
  }

  /** Adds the message whose event attributes end at these places. */
  add(reader: WireReader, kind: number, attributes: readonly (readonly [number, number])[]): void {
    const fields = this.#read(reader, attributes);
    const name = NAMES[kind]!;
    if (name === PROMPT) this.#prompt.push(textOf(fields[PROMPT_KEY]));
    else if (name === COMPLETION) this.#completion.push(textOf(fields[COMPLETION_KEY]));
    else (name === CHOICE ? this.#output : this.#input).push(messageOfEvent(name, fields));
  }

  /** Empty when there was none. */
  input(): string {
    return joined(this.#input, this.#prompt);
  }

  output(): string {
    return joined(this.#output, this.#completion);
  }

  #read(reader: WireReader, attributes: readonly (readonly [number, number])[]): Json {
    const fields: [string, unknown][] = [];
    for (const [at, end] of attributes) {
      reader.at = at;
      const entry = readEntry(reader, end);
      const key = utf8(reader.body, entry.keyAt, entry.keyEnd);
      if (entry.type === STRING) fields.push([key, utf8(reader.body, entry.at, entry.end)]);
      else {
        this.#sink.clear();
        const whole = writeValue(this.#sink, reader, entry, "plain");
        const json = Buffer.from(this.#sink.taken()).toString();
        fields.push([key, whole ? JSON.parse(json) : "[depth limit]"]);
      }
    }
    return Object.fromEntries(fields);
  }
}

function joined(messages: readonly Json[], texts: readonly string[]): string {
  if (messages.length > 0) return JSON.stringify(messages);
  return texts.join("\n");
}

/** Attributes may hold the whole message as JSON text. */
function bodyOf(fields: Json): Json {
  const body = parsed(fields["gen_ai.event.content"]);
  return isJson(body) ? body : fields;
}

function choiceOf(body: Json): Json {
  const message = parsed(body["message"]);
  const inner = isJson(message) ? message : body;
  return { ...messageOf(inner, "assistant"), finish_reason: textOf(body["finish_reason"]) };
}

function messageOf(body: Json, defaultRole: string): Json {
  const role = typeof body["role"] === "string" ? body["role"] : defaultRole;
  const content = body["content"];
  const parts: Json[] = [];
  if (role === "tool") {
    parts.push({ type: "tool_call_response", id: body["id"], response: content });
  } else if (content !== undefined && content !== null && content !== "") {
    parts.push({ type: "text", content: textOf(content) });
  }
  const calls = parsed(body["tool_calls"]);
  if (Array.isArray(calls)) for (const call of calls) parts.push(toolCallOf(call));
  return { role, parts };
}

function toolCallOf(call: unknown): Json {
  if (!isJson(call)) return { type: "tool_call", arguments: call };
  const inner = isJson(call["function"]) ? call["function"] : call;
  return {
    type: "tool_call",
    id: call["id"],
    name: inner["name"],
    arguments: parsed(inner["arguments"]),
  };
}

/** JSON text as its value, everything else as it is. */
function parsed(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value; // not JSON: the text is the value, nothing is lost
  }
}

function textOf(value: unknown): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
