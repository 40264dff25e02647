/**
 * A block file that is done with is written over by the next block: its pages are in memory and its place on the disk is
 * known. To write and sync 1 GB takes 0.2 CPU seconds that way and 0.5 in a new file, and half the time (2 cores, virtual
 * machine, ext4). One file at a time, and none for longer than blocks come.
 */
import * as fs from "node:fs/promises";
import { isMissing } from "./durable-file.ts";

/** Below this a new file costs nothing that could be measured. */
const MIN_BYTES = 8 * 1024 * 1024;
/** As of a block that is being written, so that what a killed process leaves is removed as an orphan. */
const ENDING = ".spare.native.tmp";

interface DoneBlock {
  block: string;
  byteLength: number;
}

export class SpareBlock {
  readonly #dir: string;
  readonly #name: string;
  #isThere = false;

  /** @param owner distinguishes it from those of other processes in the same folder */
  constructor(dir: string, owner: string) {
    this.#dir = dir;
    this.#name = `${owner}${ENDING}`;
  }

  /** Its name, once; from then on it is the caller's. */
  take(): string | undefined {
    const name = this.#isThere ? this.#name : undefined;
    this.#isThere = false;
    return name;
  }

  /** Keeps one of these blocks if there is none yet. @returns the others, still to be removed */
  async keepOneOf<T extends DoneBlock>(blocks: readonly T[]): Promise<T[]> {
    const kept = this.#isThere ? undefined : blocks.find((one) => one.byteLength >= MIN_BYTES);
    if (!kept || !(await this.#rename(kept.block))) return [...blocks];
    this.#isThere = true;
    return blocks.filter((one) => one !== kept);
  }

  async remove(): Promise<void> {
    const name = this.take();
    if (name) await fs.rm(`${this.#dir}/${name}`, { force: true });
  }

  async #rename(block: string): Promise<boolean> {
    try {
      await fs.rename(`${this.#dir}/${block}`, `${this.#dir}/${this.#name}`);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }
}
