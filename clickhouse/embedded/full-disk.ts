/**
 * After an insert that met a full disk the engine is opened anew before the next one.
 *
 * It may remember a block that it did not store, since its record of tokens is written before the part gets its name, and would
 * drop the repeated insert; and a merge may have left a part that cannot be read. Both are put right when the data is opened
 * (dedup-log.ts), and only then.
 */
import fs from "node:fs/promises";
import { QueryError, queryError } from "./errors.ts";

/** With less the next insert would hardly end otherwise. */
const LEAST_ROOM_BYTES = 8 * 1024 * 1024;
const NOT_ENOUGH_SPACE = 243;

export interface FullDisk {
  /** Runs an insert, or refuses it: while there is no room, and when the engine is to be opened anew first. */
  insert(run: () => Promise<void>): Promise<void>;
}

/** @param root the engine's folder @param openAnew called once, when there is room again */
export function createFullDisk(root: string, openAnew: () => void): FullDisk {
  let isMet = false;
  let isOpening = false;

  async function check(): Promise<void> {
    if (!isMet) return;
    const { bavail, bsize } = await fs.statfs(root);
    if (!isOpening && bavail * bsize >= LEAST_ROOM_BYTES) {
      isOpening = true;
      openAnew();
    }
    const why = isOpening ? "the engine is opened anew after its disk was full" : "the engine's disk is full"; // prettier-ignore
    throw queryError(NOT_ENOUGH_SPACE, `Cannot insert: ${why}`);
  }

  return {
    async insert(run) {
      await check();
      try {
        await run();
      } catch (error) {
        isMet ||= isFull(error);
        throw error;
      }
    },
  };
}

function isFull(error: unknown): boolean {
  if (error instanceof QueryError && error.code === NOT_ENOUGH_SPACE) return true;
  return error instanceof Error && error.message.includes("No space left on device");
}
