/**
 * A streamed answer under a guard: what comes out is what the source gives, with the texts redacted and a little later,
 * because text is held back until it is certain (held-text.ts). Parts of a tool call wait until the call is complete and
 * checked; where a check that judges the whole answer is to stop it, everything waits.
 */
import type { VisitText, CompleteShape } from "./shapes.ts";
import type { CallChecks } from "./call-checks.ts";
import type { HeldText } from "./held-text.ts";
import { repeatedTexts } from "./part-texts.ts";
import type { StageScan } from "./stage-scan.ts";
import { StreamedToolCalls } from "./streamed-tool-calls.ts";

/** Characters of an answer between two looks at its size. */
const LOOK_EVERY = 256;
/** What is judged as a whole is cut there. */
const MOST_JUDGED = 1024 * 1024;

interface Channel {
  held: HeldText;
  /** All of it as it came. */
  raw: string;
  /** The last part that had text of it: a copy carries the rest. */
  last: unknown;
}

export interface GuardedStreamOptions {
  checks: CallChecks;
  shape: CompleteShape;
  /** The answer so far has so many characters. @throws Stop */
  grown(characters: number): void;
}

export class GuardedStream {
  readonly #options: GuardedStreamOptions;
  readonly #scan: StageScan;
  readonly #channels = new Map<string, Channel>();
  readonly #toolCalls = new StreamedToolCalls();
  readonly #watchesTools: boolean;
  readonly #waitsForAll: boolean;
  #waiting: unknown[] = [];
  #characters = 0;
  #looked = 0;
  #isNoted = false;

  constructor(options: GuardedStreamOptions) {
    this.#options = options;
    this.#scan = options.checks.scan("output");
    this.#watchesTools = options.checks.watches("tool_call");
    this.#waitsForAll = options.checks.stopsWhole("output");
  }

  get characters(): number {
    return this.#characters;
  }

  /** The parts that may go out now. @throws Stop */
  async take(part: unknown): Promise<unknown[]> {
    const { shape } = this.#options;
    const out: unknown[] = [];
    for (const channel of shape.ends(part)) out.push(...this.#close(channel));
    out.push(this.#texts(part));
    if (this.#watchesTools)
      for (const call of this.#toolCalls.read(part))
        await this.#options.checks.streamedToolCall(call);
    if (this.#characters - this.#looked >= LOOK_EVERY) {
      this.#looked = this.#characters;
      this.#options.grown(this.#characters);
    }
    return this.#released(out);
  }

  /** The end of the stream. @throws Stop */
  async finish(): Promise<unknown[]> {
    const { checks } = this.#options;
    const out = [...this.#channels.keys()].flatMap((channel) => this.#close(channel));
    this.#options.grown(this.#characters);
    for (const toolCall of this.#toolCalls.finish()) await checks.streamedToolCall(toolCall);
    await checks.inspect(
      "output",
      [...this.#channels.values()].map(({ raw }) => raw),
    );
    const all = [...this.#waiting, ...out];
    this.#waiting = [];
    return all;
  }

  /** Says what was found; once, whatever ended the stream. */
  note(): void {
    if (this.#isNoted) return;
    this.#isNoted = true;
    this.#scan.note();
  }

  #released(parts: unknown[]): unknown[] {
    if (!this.#waitsForAll && !this.#toolCalls.isOpen && this.#waiting.length === 0) return parts;
    this.#waiting.push(...parts);
    if (this.#waitsForAll || this.#toolCalls.isOpen) return [];
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }

  #texts(part: unknown): unknown {
    const { shape } = this.#options;
    const changed = shape.part(part, (text, name) => {
      const channel = this.#channel(name, part);
      channel.last = part;
      this.#characters += text.length;
      if (channel.raw.length < MOST_JUDGED) channel.raw += text;
      this.#scan.startLook();
      const released = channel.held.push(text);
      return this.#scan.holds ? released : text;
    });
    repeatedTexts(changed, this.#again());
    return changed;
  }

  /** Texts that are said a second time were counted the first time. */
  #again(): VisitText {
    let scan: StageScan | undefined;
    return (text) => {
      scan ??= this.#options.checks.scan("output");
      const clean = scan.whole(text);
      return scan.holds ? clean : text;
    };
  }

  #channel(name: string, part: unknown): Channel {
    let channel = this.#channels.get(name);
    if (!channel)
      this.#channels.set(name, (channel = { held: this.#scan.pieces(), raw: "", last: part }));
    return channel;
  }

  /** The rest of a text, in a copy of the last part that had some of it. */
  #close(name: string): unknown[] {
    const channel = this.#channels.get(name);
    if (!channel) return [];
    this.#scan.startLook();
    const rest = channel.held.finish();
    if (rest === "" || !this.#scan.holds) return [];
    const copy: unknown = typeof channel.last === "string" ? rest : structuredClone(channel.last);
    return [this.#options.shape.part(copy, (_, at) => (at === name ? rest : ""))];
  }
}
