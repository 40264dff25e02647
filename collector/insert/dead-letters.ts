/**
 * Records that the store or the encoder does not take, kept for a person: `<seq>.otlp` is the request as accepted
 * (protobuf), `<seq>.json` says why. Bounded: when it is full, nothing more is set aside and the line waits.
 */
import * as fs from "node:fs/promises";
import type { LogRecord } from "../stages.ts";
import { writeDurably } from "./durable-file.ts";

export interface DeadLetterReason {
  code: string;
  message: string;
}

export class DeadLetters {
  readonly #dir: string;
  readonly #maxBytes: number;
  #bytes: number | undefined;
  records = 0;
  spans = 0;

  constructor(dir: string, maxBytes: number) {
    this.#dir = dir;
    this.#maxBytes = maxBytes;
  }

  /** Resolves to false, keeping nothing, when there is no room. Setting the same record aside again changes nothing. */
  async add(record: LogRecord, reason: DeadLetterReason): Promise<boolean> {
    this.#bytes ??= await this.#measure();
    // Somebody may have removed some since.
    if (this.#isFullFor(record)) this.#bytes = await this.#measure();
    if (this.#isFullFor(record)) return false;
    const isThere = (await fs.readdir(this.#dir)).includes(`${record.seq}.json`);
    const { seq, body, ...facts } = record;
    const note = { seq, ...facts, ...reason, setAsideAt: new Date().toISOString() };
    await writeDurably(this.#dir, `${seq}.otlp`, [body]);
    await writeDurably(this.#dir, `${seq}.json`, [
      Buffer.from(`${JSON.stringify(note, null, 2)}\n`),
    ]);
    if (isThere) return true;
    this.#bytes += body.byteLength;
    this.records++;
    this.spans += record.spanCount - record.rejected.length;
    return true;
  }

  #isFullFor({ body }: LogRecord): boolean {
    return (this.#bytes ?? 0) + body.byteLength > this.#maxBytes;
  }

  async #measure(): Promise<number> {
    await fs.mkdir(this.#dir, { recursive: true, mode: 0o700 });
    let bytes = 0;
    for (const name of await fs.readdir(this.#dir))
      bytes += (await fs.stat(`${this.#dir}/${name}`)).size;
    return bytes;
  }
}
