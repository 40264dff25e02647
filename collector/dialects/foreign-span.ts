/** A span as the dialects' tables read it: attributes by key, JSON inside them, and families of numbered keys as lists. */
import type { SpanEvent, SpanMessage } from "./span-message.ts";
import { at, text } from "./value.ts";

/** Numbered keys beyond this index are not read: `gen_ai.prompt.999999999.content` is no message. */
const MAX_INDEX = 1000;
const MAX_SEGMENTS = 16;

/** A node of numbered keys: a value, or what comes after the next dot. */
type Tree = Map<string, unknown>;

export class ForeignSpan {
  readonly #message: SpanMessage;
  /** Prefix (`llm.input_messages.`) → the list. */
  readonly #families = new Map<string, readonly unknown[]>();

  constructor(message: SpanMessage) {
    this.#message = message;
  }

  get name(): string {
    return this.#message.name;
  }

  get events(): readonly SpanEvent[] {
    return this.#message.events;
  }

  keys(): Iterable<string> {
    return this.#message.attributes.keys();
  }

  get(key: string): unknown {
    return this.#message.attributes.get(key);
  }

  text(key: string): string | undefined {
    return text(this.get(key));
  }

  /** A value inside an attribute that holds JSON. */
  json(key: string, ...path: readonly (string | number)[]): unknown {
    return at(this.get(key), ...path);
  }

  /** `llm.input_messages.0.message.role` … as a list of objects; one pass over the attributes for each prefix. */
  list(prefix: string): readonly unknown[] {
    let list = this.#families.get(prefix);
    if (list === undefined) {
      list = this.#readList(prefix);
      this.#families.set(prefix, list);
    }
    return list;
  }

  #readList(prefix: string): readonly unknown[] {
    const root: Tree = new Map();
    for (const [key, value] of this.#message.attributes)
      if (key.startsWith(prefix)) plant(root, key.slice(prefix.length).split("."), value);
    const list = harvest(root);
    return Array.isArray(list) ? (list as unknown[]) : [];
  }

  /** Seconds from the span's start; undefined for what was before it. */
  secondsAfterStart(unixNano: bigint): number | undefined {
    const nanos = Number(unixNano - this.#message.startUnixNano);
    return this.#message.startUnixNano > 0n && nanos >= 0 ? nanos / 1e9 : undefined;
  }
}

function plant(root: Tree, path: readonly string[], value: unknown): void {
  if (path.length > MAX_SEGMENTS) return;
  let node = root;
  for (const segment of path.slice(0, -1)) {
    const next = node.get(segment);
    if (next instanceof Map) node = next as Tree;
    else {
      const grown: Tree = new Map();
      node.set(segment, grown);
      node = grown;
    }
  }
  const last = path.at(-1)!;
  if (!(node.get(last) instanceof Map)) node.set(last, value);
}

/** A list where every key is an index, else an object without a prototype. */
function harvest(node: unknown): unknown {
  if (!(node instanceof Map)) return node;
  const entries = [...(node as Tree)];
  if (entries.every(([key]) => /^\d{1,9}$/.test(key)))
    return entries
      .map(([key, value]) => [Number(key), value] as const)
      .filter(([index]) => index < MAX_INDEX)
      .sort(([a], [b]) => a - b)
      .map(([, value]) => harvest(value));
  const members = Object.create(null) as Record<string, unknown>;
  for (const [key, value] of entries) members[key] = harvest(value);
  return members;
}
