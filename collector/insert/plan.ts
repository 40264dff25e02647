/**
 * A plan says what one insert is, before it is tried the first time: which records of the log, which block file, which
 * deduplication token. After a crash the same bytes go out under the same token, whatever the first attempt did.
 *
 *     <seqFrom>-<seqTo>.plan   to be inserted, or being inserted
 *     <seqFrom>-<seqTo>.done   inserted; kept for a while, for reconciliation
 *     clean                    the last stop left nothing in doubt
 *
 * A file is two lines: CRC-32 of the second, and the plan as JSON. The range is in the name as well, so that a damaged
 * file still tells what it was about.
 *
 * The token is the log's id and the range. Sequence numbers are never used twice in a log, so tokens are neither; and
 * a range that is cut differently is another token, because it is other rows. The batch number, which every row carries,
 * is the first sequence number.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { crc32 } from "node:zlib";
import {
  removeDurably,
  renameDurably,
  syncDirectory,
  TEMPORARY,
  writeDurably,
} from "./durable-file.ts";

export interface Plan {
  token: string;
  logId: string;
  seqFrom: number;
  seqTo: number;
  records: number;
  /** Accepted, in those records. */
  spans: number;
  /** Of those, set aside: they make no row. */
  deadLettered: number;
  /** Of those, stored by an earlier record: they make no row. Absent in plans of earlier versions: none. */
  repeats?: number;
  rows: number;
  rowsByDay: Readonly<Record<string, number>>;
  /** Name in the spool directory; empty when there is no row to insert. */
  block: string;
  byteLength: number;
  /** Of the block's bytes, 32 hex digits (block-mac.ts). */
  mac: string;
  oldestReceivedAtUnixMs: number;
  createdAtUnixMs: number;
  /** Price book, encoder and the like: what would have to be the same to make these bytes again. */
  versions: Readonly<Record<string, string | number>>;
}

export interface Range {
  seqFrom: number;
  seqTo: number;
}

/** A plan file as found: `plan` is undefined when its contents are damaged. */
export interface FoundPlan extends Range {
  state: "plan" | "done";
  plan: Plan | undefined;
}

const CLEAN_FILE = "clean";
const DIGITS = 16;

export function tokenOf(logId: string, { seqFrom, seqTo }: Range): string {
  return `${logId}/${seqFrom}-${seqTo}`;
}

/** A UUID that depends on the token alone: a block file without a plan can be found again, and never has two names. */
export function blockNameOf(token: string): string {
  const hex = createHash("sha256").update(token).digest("hex");
  const variant = "89ab"[Number.parseInt(hex.charAt(16), 16) % 4];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}.native`;
}

/** The plans on disk. Every change is durable when its promise resolves. */
export class PlanFiles {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async write(plan: Plan): Promise<void> {
    const json = JSON.stringify(plan);
    await writeDurably(this.#dir, nameOf(plan, "plan"), [Buffer.from(`${crc32(json)}\n${json}\n`)]);
  }

  /** May be repeated after a failure. */
  async markDone(range: Range): Promise<void> {
    const done = nameOf(range, "done");
    if ((await fs.readdir(this.#dir)).includes(done)) return syncDirectory(this.#dir);
    await renameDurably(this.#dir, nameOf(range, "plan"), done);
  }

  remove(ranges: readonly Range[], state: "plan" | "done"): Promise<void> {
    return removeDurably(
      this.#dir,
      ranges.map((range) => nameOf(range, state)),
    );
  }

  /** All plans, in the order of the log. Left-overs of unfinished writes are removed. */
  async list(): Promise<FoundPlan[]> {
    await fs.mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const names = await fs.readdir(this.#dir);
    await removeDurably(
      this.#dir,
      names.filter((name) => name.endsWith(TEMPORARY)),
    );
    const found: FoundPlan[] = [];
    for (const name of names) {
      const match = /^(\d{16})-(\d{16})\.(plan|done)$/.exec(name);
      if (!match) continue;
      const plan = parse(await fs.readFile(`${this.#dir}/${name}`, "utf8"));
      const state = match[3] === "done" ? "done" : "plan";
      found.push({ seqFrom: Number(match[1]), seqTo: Number(match[2]), state, plan });
    }
    return found.sort((a, b) => a.seqFrom - b.seqFrom || a.seqTo - b.seqTo);
  }

  /** Whether the last stop was clean; from here on it is not, until `markClean`. */
  async takeClean(): Promise<boolean> {
    const clean = (await fs.readdir(this.#dir)).includes(CLEAN_FILE);
    if (clean) await removeDurably(this.#dir, [CLEAN_FILE]);
    return clean;
  }

  async markClean(): Promise<void> {
    await writeDurably(this.#dir, CLEAN_FILE, []);
  }
}

function nameOf({ seqFrom, seqTo }: Range, state: "plan" | "done"): string {
  const pad = (seq: number) => String(seq).padStart(DIGITS, "0");
  return `${pad(seqFrom)}-${pad(seqTo)}.${state}`;
}

function parse(text: string): Plan | undefined {
  const [crc, json = ""] = text.split("\n");
  return String(crc32(json)) === crc ? (JSON.parse(json) as Plan) : undefined;
}
