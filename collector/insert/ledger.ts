/**
 * What became of every accepted span, for the accounting identity:
 *
 *     accepted = stored + in the log + dead letters + deduplicated + expired
 *
 * This is our side of it: how many spans were accepted in the records that are settled (inserted, or set aside), how
 * many rows of each place (row-places.ts) they made, how many came before or went to the dead letters. The other side is counted by ClickHouse
 * (stored-rows.ts), among the rows of settled batches only: what is being inserted disturbs neither.
 *
 * Settled batches leave a `.done` file (plan.ts). Before old ones of those are removed, their sums are written to the
 * file `ledger`; at start the ledger is that file and the `.done` files after it. So it is exact over kill -9, and
 * costs one small write every 32 batches. A file that is lost or damaged makes the ledger begin later: `from` says
 * where, and earlier batches are not counted on either side.
 */
import * as fs from "node:fs/promises";
import { crc32 } from "node:zlib";
import { isMissing, writeDurably } from "./durable-file.ts";
import type { FoundPlan, Plan, Range } from "./plan.ts";

const LEDGER_FILE = "ledger";

export interface Settled {
  logId: string;
  /** Batches after this number … */
  from: number;
  /** … through this one; a batch has the number of its first record. */
  through: number;
  /** Batches in between that are not counted, because their plan is damaged. */
  without: readonly number[];
  accepted: number;
  deadLettered: number;
  /** Spans that an earlier record has stored. */
  repeats: number;
  rowsByDay: ReadonlyMap<string, number>;
}

interface Sums {
  logId: string;
  from: number;
  through: number;
  without: number[];
  accepted: number;
  deadLettered: number;
  repeats: number;
  rowsByDay: Record<string, number>;
}

export class Ledger {
  readonly #dir: string;
  readonly #logId: string;
  #sums: Sums;
  /** As last written. */
  #saved = 0;

  constructor(dir: string, logId: string) {
    this.#dir = dir;
    this.#logId = logId;
    this.#sums = emptySums(logId, 0);
  }

  /** `done`: all that are found, in the order of the log. */
  async open(done: readonly FoundPlan[], releasedSeq: number): Promise<void> {
    const saved = await this.#read();
    const first = done[0]?.seqFrom ?? releasedSeq + 1;
    this.#sums = saved ?? emptySums(this.#logId, first - 1);
    this.#saved = this.#sums.through;
    for (const found of done) {
      if (found.seqFrom <= this.#sums.through) continue;
      if (found.plan) this.settle(found.plan);
      else this.#leaveOut(found);
    }
  }

  /** The batch is in the store, and its dead letters are in their folder. */
  settle(plan: Plan): void {
    if (plan.logId !== this.#logId) return this.#leaveOut(plan); // its rows carry the other log's id
    const sums = this.#sums;
    sums.through = Math.max(sums.through, plan.seqTo);
    sums.accepted += plan.spans;
    sums.deadLettered += plan.deadLettered;
    sums.repeats += plan.repeats ?? 0;
    for (const [day, rows] of Object.entries(plan.rowsByDay))
      sums.rowsByDay[day] = (sums.rowsByDay[day] ?? 0) + rows;
  }

  /** A copy: what it says stays true while batches go on. */
  settled(): Settled {
    const { rowsByDay, without, ...sums } = this.#sums;
    return { ...sums, without: [...without], rowsByDay: new Map(Object.entries(rowsByDay)) };
  }

  /** Before `.done` files are removed. */
  async save(): Promise<void> {
    if (this.#saved === this.#sums.through) return;
    const json = JSON.stringify(this.#sums);
    const { through } = this.#sums;
    await writeDurably(this.#dir, LEDGER_FILE, [Buffer.from(`${crc32(json)}\n${json}\n`)]);
    this.#saved = through;
  }

  #leaveOut({ seqFrom, seqTo }: Range): void {
    this.#sums.without.push(seqFrom);
    this.#sums.through = Math.max(this.#sums.through, seqTo);
  }

  async #read(): Promise<Sums | undefined> {
    const text = await fs
      .readFile(`${this.#dir}/${LEDGER_FILE}`, "utf8")
      .catch((error: unknown) => {
        if (isMissing(error)) return "";
        throw error;
      });
    const [crc, json = ""] = text.split("\n");
    if (String(crc32(json)) !== crc) return undefined;
    const sums = JSON.parse(json) as Sums;
    // A file of an earlier version knows of no repeats.
    return sums.logId === this.#logId ? { ...emptySums(this.#logId, 0), ...sums } : undefined;
  }
}

function emptySums(logId: string, from: number): Sums {
  const none = { accepted: 0, deadLettered: 0, repeats: 0, rowsByDay: {} };
  return { logId, from, through: from, without: [], ...none };
}
