/**
 * From a closed block to a plan that may be executed: the block file first, then the plan that refers to it, each synced
 * before the next step. A block file without a plan was never tried and is removed at the next start.
 */
import * as fs from "node:fs/promises";
import { macOf } from "./block-mac.ts";
import { isMissing, removeDurably, writeDurably } from "./durable-file.ts";
import type { ClosedBlock } from "./open-block.ts";
import { blockNameOf, tokenOf, type Plan, type PlanFiles } from "./plan.ts";
import { SpareBlock } from "./spare-block.ts";

/** The places where a process may die; tests stop it at each. */
export type Step =
  | "encoded"
  | "block-written"
  | "planned"
  | "sent"
  | "done"
  | "released"
  | "removed";

export type StepHook = (
  step: Step,
  plan: { seqFrom: number; seqTo: number },
) => void | Promise<void>;

export interface PlannerOptions {
  logId: string;
  files: PlanFiles;
  spoolDir: string;
  versions: Readonly<Record<string, string | number>>;
  onStep: StepHook;
}

/** A block that is being written by another process of the same store may lie here too: only old ones are left-overs. */
const ORPHAN_AGE_MS = 10 * 60_000;

export class Planner {
  readonly #options: PlannerOptions;
  readonly #spare: SpareBlock;

  constructor(options: PlannerOptions) {
    this.#options = options;
    this.#spare = new SpareBlock(options.spoolDir, options.logId);
  }

  /** `token`: only for bytes that replace a damaged block file, which keep its token. */
  async plan(closed: ClosedBlock, replaced?: { token: string; logId: string }): Promise<Plan> {
    const { logId, versions, files, onStep } = this.#options;
    const { block, ...range } = closed;
    const token = replaced?.token ?? tokenOf(logId, closed);
    await onStep("encoded", closed);
    const plan: Plan = {
      ...range,
      token,
      logId: replaced?.logId ?? logId,
      repeats: block.repeats,
      rows: block.rows,
      rowsByDay: Object.fromEntries(block.rowsByDay),
      block: block.rows > 0 ? blockNameOf(token) : "",
      byteLength: block.byteLength,
      mac: "",
      createdAtUnixMs: Date.now(),
      versions,
    };
    if (plan.block) {
      plan.byteLength = block.chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
      plan.mac = macOf(block.chunks);
      await writeDurably(this.#options.spoolDir, plan.block, block.chunks, this.#spare.take());
    }
    await onStep("block-written", closed);
    await files.write(plan);
    await onStep("planned", closed);
    return plan;
  }

  /** The plan of a record that went to the dead letters: there is nothing left to insert. */
  async emptied(plan: Plan): Promise<Plan> {
    const empty: Plan = { ...plan, repeats: 0, rows: 0, rowsByDay: {}, block: "", byteLength: 0 };
    empty.deadLettered = plan.spans;
    await this.#options.files.write(empty);
    await this.removeBlocks([plan]);
    return empty;
  }

  removeBlocks(plans: readonly Plan[]): Promise<void> {
    const names = plans.filter((plan) => plan.block !== "").map((plan) => plan.block);
    return removeDurably(this.#options.spoolDir, names);
  }

  /** As `removeBlocks`, for blocks that nobody reads any more; one of them may become the next block's file. */
  async retireBlocks(plans: readonly Plan[]): Promise<void> {
    const blocks = plans.filter((plan) => plan.block !== "");
    await this.removeBlocks(await this.#spare.keepOneOf(blocks));
  }

  removeSpare(): Promise<void> {
    return this.#spare.remove();
  }

  /** Removes block files that no plan refers to. */
  async removeOrphans(referenced: ReadonlySet<string>): Promise<void> {
    const dir = this.#options.spoolDir;
    const old: string[] = [];
    for (const name of await fs.readdir(dir)) {
      if (referenced.has(name) || !/\.native(\.tmp)?$/.test(name)) continue;
      const mtimeMs = await modifiedMs(`${dir}/${name}`);
      if (mtimeMs !== undefined && Date.now() - mtimeMs > ORPHAN_AGE_MS) old.push(name);
    }
    await removeDurably(dir, old);
  }
}

/** Undefined for a file that is gone: the engine removes the bodies that were posted to it when it has read them. */
async function modifiedMs(path: string): Promise<number | undefined> {
  try {
    return (await fs.stat(path)).mtimeMs;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
