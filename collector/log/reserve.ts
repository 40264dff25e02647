/**
 * Room that is kept for a full disk: a file that is removed when there is none left, so that what empties the log (blocks,
 * plans, the cursor) can be written. Until it is there again the log takes no requests, which would eat it up.
 *
 * It is made again when the disk has room for it twice. A disk that is small, or full from the start, gets a smaller one or
 * none: the log works without.
 */
import type { Logger } from "../stages.ts";
import { isShortage, writeFully, type LogFs } from "./log-fs.ts";

const FILE = "reserve";
const PIECE = Buffer.alloc(1024 * 1024);
/** How often a full disk is asked whether it has room again. */
const ASK_MS = 1_000;

export interface ReserveOptions {
  fs: LogFs;
  dir: string;
  /** At most; 0 for none. */
  bytes: number;
  log: Logger;
  /** Milliseconds that only go forward. */
  now?: () => number;
}

export class Reserve {
  readonly #options: ReserveOptions;
  #bytes = 0;
  #isGone = false;
  #askedAt = -Infinity;
  #working: Promise<void> = Promise.resolve();

  private constructor(options: ReserveOptions) {
    this.#options = options;
  }

  static async open(options: ReserveOptions, names: readonly string[]): Promise<Reserve> {
    const reserve = new Reserve(options);
    const { fs, dir, bytes } = options;
    // The former one may be half written.
    if (names.includes(FILE)) await fs.remove(`${dir}/${FILE}`);
    if (bytes > 0) {
      reserve.#bytes = Math.min(bytes, Math.floor((await fs.freeBytes(dir)) / 4));
      await reserve.#make();
    }
    return reserve;
  }

  /** Whether it was given up; then, now and then, looks whether there is room again. */
  isGone(): boolean {
    const now = (this.#options.now ?? (() => performance.now()))();
    if (this.#isGone && now - this.#askedAt >= ASK_MS) {
      this.#askedAt = now;
      this.#working = this.#working.then(() => this.#makeAgain());
    }
    return this.#isGone;
  }

  /** Something found no room: when that is so on this disk, the file goes. */
  giveUp(): Promise<void> {
    return (this.#working = this.#working.then(() => this.#remove()));
  }

  /** Resolves when nothing is under way. */
  async close(): Promise<void> {
    await this.#working;
  }

  async #remove(): Promise<void> {
    const { fs, dir, log } = this.#options;
    if (this.#bytes === 0 || this.#isGone || (await this.#free()) >= this.#bytes) return;
    this.#isGone = true;
    log("warn", "log: the disk is full; nothing is accepted until it has room again");
    await fs.remove(`${dir}/${FILE}`).catch((error: unknown) => this.#failed(error));
  }

  async #makeAgain(): Promise<void> {
    if (!this.#isGone || (await this.#free()) < 2 * this.#bytes) return;
    await this.#make();
    if (!this.#isGone) this.#options.log("info", "log: the disk has room again");
  }

  async #make(): Promise<void> {
    const { fs, dir } = this.#options;
    const path = `${dir}/${FILE}`;
    this.#isGone = true;
    try {
      await fs.remove(path);
      const file = await fs.open(path, "create");
      try {
        for (let at = 0; at < this.#bytes; at += PIECE.byteLength)
          await writeFully(file, [PIECE.subarray(0, this.#bytes - at)], at);
        await file.datasync();
      } finally {
        await file.close();
      }
      this.#isGone = false;
    } catch (error) {
      this.#failed(error);
      await fs.remove(path).catch((again: unknown) => this.#failed(again));
    }
  }

  #free(): Promise<number> {
    return this.#options.fs.freeBytes(this.#options.dir).catch(() => 0);
  }

  #failed(error: unknown): void {
    if (!isShortage(error)) this.#options.log("warn", `log: the reserve file: ${String(error)}`);
  }
}
