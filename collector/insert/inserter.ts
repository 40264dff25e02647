/**
 * From the log to ClickHouse, exactly once.
 *
 *     read durable records → encode → block file → plan file → insert → done → release the log
 *
 * Two loops share a short line of planned blocks: one encodes the next block while the other inserts the first.
 * A block is closed when it is full (50,000 rows, 128 MiB) or old: after 250 ms when it is small and nothing is planned,
 * after 1 s when it has more than a thousand rows or one is being inserted. While the line is full the block grows. What an
 * insert costs hardly depends on its rows, so that waiting for more makes each cheaper.
 *
 * Each step is durable before the next (planner.ts, plan.ts), so that a process may die anywhere: what was planned is
 * replayed, what was not planned was never tried. Inserts happen one after the other in the order of the log. A store
 * that is away stops the line and nothing else; the log grows.
 *
 * Poison (delivery.ts): the plans in the line are taken back, last first, and the range is encoded again in blocks of
 * half as many records, until the record that the store does not take stands alone and goes to the dead letters.
 */
import * as fs from "node:fs/promises";
import type { ClickHouseTarget } from "@assay/clickhouse";
import type { ClickHouseClient } from "@clickhouse/client";
import type { Encoder, LogRecord } from "../stages.ts";
import { backoffMs, pause, type BackoffOptions } from "./backoff.ts";
import { DeadLetters, type DeadLetterReason } from "./dead-letters.ts";
import { Delivery } from "./delivery.ts";
import type { InsertFailure } from "./failure.ts";
import type { Logger } from "../stages.ts";
import { Ledger, type Settled } from "./ledger.ts";
import { OpenBlock, type BlockLimits, type ClosedBlock } from "./open-block.ts";
import { PlanFiles, type FoundPlan, type Plan, type Range } from "./plan.ts";
import { Planner, type StepHook } from "./planner.ts";
import { emptyReport, Recovery, type RecoveryReport } from "./recovery.ts";
import { Retention } from "./retention.ts";
import { Store } from "./store.ts";

const MiB = 1024 * 1024;
const READ_BYTES = 4 * MiB;
/** What a client may send again after a restart is looked for in the newest part of the log. */
const REMEMBERED_BYTES = 64 * MiB;
/** Blocks planned and not yet inserted: the one under way and the next. */
const LINE_LENGTH = 2;
/** More rows than a person makes: a block with them waits for others, since nobody waits for these. */
const SMALL_ROWS = 1000;
/** Records refused one after the other, with none accepted between, before it must be something else than the data. */
const MAX_DEAD_IN_A_ROW = 8;

/** What the inserter needs of the log. */
export interface SourceLog {
  readonly id: string;
  readonly durableSeq: number;
  readonly releasedSeq: number;
  /** The first record of about the newest `bytes` that are still there, released or not. */
  recentSeq(bytes: number): number;
  read(fromSeq: number, limitBytes: number): Promise<LogRecord[]>;
  waitFor(seq: number, signal?: AbortSignal): Promise<boolean>;
  release(throughSeq: number, spans?: number): Promise<void>;
  /** If its disk is full: gives back room that was kept for that. */
  makeRoom(): Promise<void>;
}

export interface InserterOptions {
  log: SourceLog;
  encoder: Encoder;
  client: ClickHouseClient;
  target: ClickHouseTarget;
  /** For plans and dead letters; block files too, unless the embedded engine has a spool directory. */
  dir: string;
  logger: Logger;
  /** Noted in every plan: price book, encoder and validator version. */
  versions?: Readonly<Record<string, string | number>>;
  /** @default 50,000 */
  maxRows?: number;
  /** @default 128 MiB */
  maxBytes?: number;
  /** Age at which any block is closed. @default 1000 */
  maxAgeMs?: number;
  /** Age at which a small block is closed while nothing is being inserted. @default 250 */
  idleAgeMs?: number;
  /** Inserted blocks are kept this long. @default 120 s */
  keepMs?: number;
  /** And up to this much. @default 128 MiB for the embedded engine, 1 GiB for a server, which may sync less */
  keepBytes?: number;
  /** Their plans are kept longer: this many at least. @default 64 */
  keepPlans?: number;
  /** @default 1 GiB */
  deadLetterBytes?: number;
  backoff?: BackoffOptions;
  /** How long restored rows may take to show up. @default 0 embedded, 10 s for a server */
  settleMs?: number;
  /** Stops at each step of a batch, for tests of crashes. */
  onStep?: StepHook;
}

export interface InsertStats {
  sentSpans: number;
  sentBatches: number;
  /** By ClickHouse error code, or the system's. */
  failedAttempts: ReadonlyMap<string, number>;
  /** In the log and not yet inserted: records, and age of the oldest that has been read. */
  queuedRecords: number;
  oldestUnsentAgeMs: number;
  /** Blocks planned and not yet inserted, with their bytes and rows. */
  plannedBlocks: number;
  plannedRows: number;
  plannedBytes: number;
  inFlight: number;
  replayedBatches: number;
  restoredBatches: number;
  duplicateBatches: number;
  incompleteBatches: number;
  lostBatches: number;
  deadLetterRecords: number;
  deadLetterSpans: number;
  keptBytes: number;
  /** Attempts to write a block, a plan or the cursor to disk that failed; each was repeated. */
  failedWrites: number;
  /** Why a person is needed. */
  blocked: string | undefined;
  lastInsertMs: number;
}

interface Planned {
  plan: Plan;
  /** Another process may have tried it. */
  inDoubt: boolean;
}

export function createInserter(options: InserterOptions): Inserter {
  return new Inserter(options);
}

export class Inserter {
  readonly #options: InserterOptions;
  readonly #log: SourceLog;
  readonly #abort = new AbortController();
  readonly #files: PlanFiles;
  readonly #planner: Planner;
  readonly #store: Store;
  readonly #delivery: Delivery;
  readonly #retention: Retention;
  readonly #deadLetters: DeadLetters;
  readonly #ledger: Ledger;
  readonly #limits: BlockLimits;
  readonly #spoolDir: string;
  readonly #onStep: StepHook;
  #report: RecoveryReport = emptyReport(true);
  #line: Planned[] = [];
  #open: OpenBlock | undefined;
  #nextSeq = 1;
  /** Set by the inserting loop: go back to this record. */
  #rewindTo: number | undefined;
  #deadInARow = 0;
  #stopAt = Infinity;
  #isBroken = false;
  #isLedgerOpen = false;
  #failedWrites = 0;
  readonly #waiting = new Set<() => void>();
  #loops: Promise<unknown> | undefined;

  /** Use `createInserter`. */
  constructor(options: InserterOptions) {
    const { log, client, target, dir, logger, versions = {}, onStep = () => undefined } = options;
    const { backoff = {}, keepMs = 120_000, keepPlans = 64 } = options;
    const { keepBytes = (target.embedded ? 128 : 1024) * MiB } = options;
    this.#options = options;
    this.#log = log;
    this.#onStep = onStep;
    this.#spoolDir = target.embedded && target.spoolDir ? target.spoolDir : `${dir}/spool`;
    this.#files = new PlanFiles(dir);
    const { signal } = this.#abort;
    const { maxRows = 50_000, maxBytes = 128 * MiB } = options;
    this.#limits = { maxRows, maxBytes, maxRecords: Infinity };
    this.#store = new Store(client, target, this.#spoolDir);
    this.#planner = new Planner({
      logId: log.id,
      files: this.#files,
      spoolDir: this.#spoolDir,
      versions,
      onStep,
    });
    this.#delivery = new Delivery({ store: this.#store, log: logger, signal, backoff });
    this.#ledger = new Ledger(dir, log.id);
    this.#retention = new Retention({
      keepMs,
      keepBytes,
      keepPlans,
      planner: this.#planner,
      files: this.#files,
      ledger: this.#ledger,
    });
    this.#deadLetters = new DeadLetters(
      `${dir}/dead-letters`,
      options.deadLetterBytes ?? 1024 * MiB,
    );
  }

  /**
   * Replays what was planned and reconciles what was done; resolves when nothing is in doubt any more. Once, before
   * `start`, and before views change. With schema version 0 there is nothing to replay into: `start` does it then.
   */
  async recover(options: { schemaVersion: number }): Promise<RecoveryReport> {
    await fs.mkdir(this.#spoolDir, { recursive: true, mode: 0o700 });
    const found = await this.#files.list();
    const clean = await this.#files.takeClean();
    this.#report = emptyReport(clean);
    const recovery = this.#recovery();
    await this.#rememberSpans(found);
    await this.#planner.removeOrphans(new Set(found.map(({ plan }) => plan?.block ?? "")));
    const done = found.filter(({ state }) => state === "done");
    await this.#ledger.open(done, this.#log.releasedSeq);
    await this.#keep(done);
    this.#isLedgerOpen = true;
    await this.#takeUp(
      found.filter(({ state }) => state === "plan"),
      recovery,
      options.schemaVersion,
    );
    this.#nextSeq = this.#plannedThrough(found) + 1;
    const isChecked = !clean && options.schemaVersion > 0 && !this.#abort.signal.aborted;
    if (isChecked) await recovery.reconcile(this.#retention.plans);
    await this.#retention.expire();
    return this.#report;
  }

  start(): void {
    this.#retention.watch((error) => this.#warn("removing old blocks failed", error));
    this.#loops = Promise.all([
      this.#run(() => this.#encodeLoop()),
      this.#run(() => this.#sendLoop()),
    ]);
  }

  /** Inserts what the log holds now; after `deadlineMs` leaves the rest to the next start. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopAt = this.#log.durableSeq;
    this.#wake();
    const timer = setTimeout(() => {
      this.#abort.abort();
      this.#wake();
    }, deadlineMs);
    if (!this.#loops) this.#abort.abort();
    await this.#loops;
    clearTimeout(timer);
    this.#retention.stop();
    await this.#planner.removeSpare();
    const nothingInDoubt = this.#loops && this.#line.length === 0 && !this.#isBroken;
    if (nothingInDoubt) await this.#files.markClean();
  }

  /** Our side of the accounting identity; undefined until recovery has read what is settled. */
  settled(): Settled | undefined {
    return this.#isLedgerOpen ? this.#ledger.settled() : undefined;
  }

  stats(): InsertStats {
    const { failedAttempts, sentSpans, sentBatches, lastInsertMs, inFlight, blocked } =
      this.#delivery;
    const { replayedBatches, restoredBatches, duplicateBatches, incompleteBatches, lostBatches } =
      this.#report;
    const sum = (of: (plan: Plan) => number) =>
      this.#line.reduce((total, { plan }) => total + of(plan), 0);
    const oldest = this.#line[0]?.plan.oldestReceivedAtUnixMs ?? this.#open?.oldestReceivedAtUnixMs;
    return {
      sentSpans,
      sentBatches,
      failedAttempts,
      queuedRecords: Math.max(0, this.#log.durableSeq - this.#log.releasedSeq),
      oldestUnsentAgeMs: oldest ? Math.max(0, Date.now() - oldest) : 0,
      plannedBlocks: this.#line.length,
      plannedRows: sum((plan) => plan.rows),
      plannedBytes: sum((plan) => plan.byteLength),
      inFlight,
      replayedBatches,
      restoredBatches,
      duplicateBatches,
      incompleteBatches,
      lostBatches,
      deadLetterRecords: this.#deadLetters.records,
      deadLetterSpans: this.#deadLetters.spans,
      keptBytes: this.#retention.bytes,
      failedWrites: this.#failedWrites,
      blocked,
      lastInsertMs,
    };
  }

  // --- recovery

  #recovery(): Recovery {
    const { target, logger, backoff = {}, settleMs = target.embedded ? 0 : 10_000 } = this.#options;
    return new Recovery(
      {
        logId: this.#log.id,
        store: this.#store,
        planner: this.#planner,
        delivery: this.#delivery,
        spoolDir: this.#spoolDir,
        signal: this.#abort.signal,
        backoff,
        log: logger,
        settleMs,
        encode: (range) => this.#encodeRange(range),
        commit: (plan) => this.#commit(plan),
      },
      this.#report,
    );
  }

  #plannedThrough(found: readonly FoundPlan[]): number {
    return Math.max(this.#log.releasedSeq, ...found.map(({ seqTo }) => seqTo));
  }

  /**
   * A client whose answer was lost with the former process sends its spans again, and perhaps in other requests: those of
   * records that were planned are known from the log. Of batches with dead letters they may come again.
   */
  async #rememberSpans(found: readonly FoundPlan[]): Promise<void> {
    const through = this.#plannedThrough(found);
    const asideIn = found.filter(({ plan }) => (plan?.deadLettered ?? 0) > 0);
    for (let seq = this.#log.recentSeq(REMEMBERED_BYTES); seq <= through;) {
      const records = await this.#log.read(seq, READ_BYTES);
      for (const record of records) {
        const isAside = asideIn.some((range) => isWithin(record.seq, range));
        if (record.seq <= through && !isAside) this.#rememberSpansOf(record);
      }
      seq = (records.at(-1)?.seq ?? Infinity) + 1;
    }
  }

  #rememberSpansOf(record: LogRecord): void {
    try {
      this.#options.encoder.remember(record);
    } catch (error) {
      // Of another version, or one that became a dead letter long ago: nothing of it is stored.
      this.#warn(`the spans of record ${record.seq} are not known`, error);
    }
  }

  async #keep(done: readonly FoundPlan[]): Promise<void> {
    for (const found of done) {
      const { plan, seqTo } = found;
      if (plan) this.#retention.add(plan, plan.createdAtUnixMs);
      // Died between done and release.
      if (seqTo > this.#log.releasedSeq) await this.#log.release(seqTo, plan?.spans);
    }
  }

  async #takeUp(found: readonly FoundPlan[], recovery: Recovery, version: number): Promise<void> {
    for (const one of found) {
      if (this.#abort.signal.aborted) return;
      if (one.seqTo <= this.#log.releasedSeq) {
        await this.#remove([one.plan ?? one]); // by an earlier version, for a dead letter
        continue;
      }
      if (version > 0 && this.#line.length === 0) await this.#fillGap(one, recovery);
      const plan = await recovery.repaired(one);
      if (version === 0) this.#report.deferredBatches++;
      if (version === 0) this.#line.push({ plan, inDoubt: true });
      else await this.#replay(plan, recovery);
    }
  }

  /** A plan that is refused waits for `start` to take it apart, and so do those behind it: nothing is released before it. */
  async #replay(plan: Plan, recovery: Recovery): Promise<void> {
    const isSent = this.#line.length === 0 && (await recovery.replay(plan));
    if (!isSent) this.#line.push({ plan, inDoubt: true });
  }

  /** Records before a plan that no plan covers: a plan file was lost. They come first, or they would never come. */
  async #fillGap({ seqFrom }: Range, recovery: Recovery): Promise<void> {
    const gap = { seqFrom: this.#log.releasedSeq + 1, seqTo: seqFrom - 1 };
    if (gap.seqFrom > gap.seqTo) return;
    this.#warn(`no plan covers records ${gap.seqFrom} to ${gap.seqTo}, making one`);
    await this.#replay(await this.#plan(await this.#encodeRange(gap)), recovery);
  }

  async #encodeRange({ seqFrom, seqTo }: Range): Promise<ClosedBlock> {
    const unlimited = { maxRows: Infinity, maxBytes: Infinity, maxRecords: Infinity };
    const open = new OpenBlock(this.#options.encoder, seqFrom, unlimited);
    while (open.nextSeq <= seqTo) {
      const records = await this.#log.read(open.nextSeq, READ_BYTES);
      const within = records.filter(({ seq }) => seq <= seqTo);
      if (within.length === 0) break;
      for (const record of within) if (!(await this.#add(open, record))) break;
    }
    return { ...open.finish(), seqTo };
  }

  // --- encoding

  async #encodeLoop(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      if (this.#rewindTo !== undefined) await this.#rewind(this.#rewindTo);
      if (this.#nextSeq > this.#stopAt) return this.#untilIdle();
      const closed = await this.#build();
      if (closed) await this.#planAndPush(closed);
    }
  }

  async #planAndPush(closed: ClosedBlock): Promise<void> {
    const plan = await this.#plan(closed);
    this.#push({ plan, inDoubt: false });
  }

  /** The block's records are out of the encoder's hands, and nobody else would plan them. */
  #plan(closed: ClosedBlock): Promise<Plan> {
    const name = `writing block ${closed.seqFrom}-${closed.seqTo}`;
    // The chunks stay valid, because nothing is encoded meanwhile.
    return this.#untilWritten(name, () => this.#planner.plan(closed));
  }

  /** Repeats a step that may be repeated, for as long as it takes a full disk to have room again. @throws when stopped */
  async #untilWritten<T>(name: string, step: () => Promise<T>): Promise<T> {
    const { signal } = this.#abort;
    for (let attempt = 0; ; attempt++) {
      try {
        return await step();
      } catch (error) {
        if (signal.aborted) throw error;
        this.#failedWrites++;
        this.#warn(`${name} failed, trying again`, error);
        await this.#log.makeRoom();
        await pause(backoffMs(attempt, this.#options.backoff), signal);
        if (signal.aborted) throw error;
      }
    }
  }

  /** Nothing more to encode; but the line may still send records back. */
  async #untilIdle(): Promise<void> {
    while (this.#line.length > 0 && !this.#abort.signal.aborted) {
      if (this.#rewindTo !== undefined) return this.#encodeLoop();
      await this.#change();
    }
  }

  /** The next block, closed; undefined when the line wants something else first. */
  async #build(): Promise<ClosedBlock | undefined> {
    const open = new OpenBlock(this.#options.encoder, this.#nextSeq, this.#limits);
    this.#open = open;
    const isFull = await this.#fill(open);
    this.#open = undefined;
    if (this.#rewindTo !== undefined || this.#abort.signal.aborted || open.records === 0) {
      open.discard();
      return undefined;
    }
    if (isFull) this.#limits.maxRecords *= 2;
    this.#nextSeq = open.nextSeq;
    return open.finish();
  }

  /** Resolves when the block should be closed: to true when it is full. */
  async #fill(open: OpenBlock): Promise<boolean> {
    let isFull = false;
    let openedAt = 0;
    while (!this.#isInterrupted()) {
      if (!isFull) isFull = await this.#take(open);
      if (open.records > 0) openedAt ||= performance.now();
      const waitMs = isFull ? this.#lineWaitMs() : this.#ageWaitMs(open, openedAt);
      if (waitMs <= 0) return isFull;
      const isMore = !isFull && open.nextSeq <= Math.min(this.#log.durableSeq, this.#stopAt);
      // Asked again: a stop during the read above has woken nobody.
      if (!isMore && !this.#isInterrupted())
        await this.#changeOrRecord(isFull ? Infinity : open.nextSeq, waitMs);
    }
    return isFull;
  }

  /** Encodes what can be read; resolves to true when the block is full. */
  async #take(open: OpenBlock): Promise<boolean> {
    const records = await this.#log.read(open.nextSeq, READ_BYTES);
    for (const record of records) {
      if (record.seq > this.#stopAt) return false;
      if (open.isFullFor(record)) return true;
      // While one was set aside, the other loop may have read, and these are no longer good.
      if (!(await this.#add(open, record))) return false;
    }
    return false;
  }

  /** Resolves to false when the record could not be encoded and was set aside. */
  async #add(open: OpenBlock, record: LogRecord): Promise<boolean> {
    try {
      open.add(record);
      return true;
    } catch (error) {
      const code = error instanceof Error ? error.name : "unknown";
      const copy = { ...record, body: Uint8Array.from(record.body) };
      if (await this.#setAside(copy, { code, message: String(error) })) open.skip(record);
      return false;
    }
  }

  #lineWaitMs(): number {
    return this.#line.length < LINE_LENGTH ? 0 : Infinity;
  }

  #ageWaitMs(open: OpenBlock, openedAt: number): number {
    if (open.records === 0 || this.#line.length >= LINE_LENGTH) return Infinity;
    if (open.nextSeq > this.#stopAt) return 0;
    const { maxAgeMs = 1000, idleAgeMs = 250 } = this.#options;
    const isQuick = this.#line.length === 0 && open.rows <= SMALL_ROWS;
    const age = isQuick ? idleAgeMs : maxAgeMs;
    return openedAt + age - performance.now();
  }

  #isInterrupted(): boolean {
    return (
      this.#rewindTo !== undefined || this.#abort.signal.aborted || this.#nextSeq > this.#stopAt
    );
  }

  #push(planned: Planned): void {
    this.#line.push(planned);
    this.#wake();
  }

  /** Takes back all that is planned, last first: after a crash on the way, what is left is a beginning of the line. */
  async #rewind(seq: number): Promise<void> {
    for (const { plan } of this.#line.toReversed()) await this.#remove([plan]);
    this.#line = [];
    this.#nextSeq = seq;
    this.#rewindTo = undefined;
    this.#wake();
  }

  // --- inserting

  async #sendLoop(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      const first = this.#line[0];
      if (first && this.#rewindTo === undefined) await this.#sendFirst(first);
      else if (!first && this.#nextSeq > this.#stopAt) return;
      else await this.#change();
    }
  }

  async #sendFirst({ plan, inDoubt }: Planned): Promise<void> {
    if (plan.rows > 0) {
      const delivered = await this.#delivery.deliver(plan, inDoubt);
      if (delivered.outcome === "stopped") return;
      if (delivered.outcome === "poison") return this.#cutUp(plan, delivered.failure);
      // A server that crashed may remember a block that it does not have, and thank for the second copy all the same.
      if (delivered.repeated) await this.#recovery().reconcile([plan]);
      this.#deadInARow = 0;
    }
    await this.#commit(plan);
    this.#line.shift();
    this.#wake();
  }

  async #commit(plan: Plan): Promise<void> {
    await this.#onStep("sent", plan);
    await this.#untilWritten("marking a batch as done", () => this.#files.markDone(plan));
    await this.#onStep("done", plan);
    const released = this.#log.release(plan.seqTo, plan.spans);
    // In the turn in which the log counts them out, so that no span is ever in both or in neither.
    this.#ledger.settle(plan);
    await released.catch((error: unknown) => {
      this.#warn("writing the cursor failed, trying again", error);
      return this.#untilWritten("writing the cursor", () => this.#log.release(plan.seqTo));
    });
    await this.#onStep("released", plan);
    this.#retention.add(plan);
    // The batch is done with: what cannot be removed or noted now is tried again with the next one.
    await this.#retention
      .expire()
      .catch((error: unknown) => this.#warn("removing old blocks failed", error));
    await this.#onStep("removed", plan);
  }

  async #cutUp(plan: Plan, failure: InsertFailure): Promise<void> {
    if (plan.records === 1) return this.#bury(plan, failure);
    this.#warn(`block ${plan.token} is refused (${failure.code}), sending it in parts`);
    this.#limits.maxRecords = Math.max(1, Math.floor(plan.records / 2));
    this.#rewindTo = plan.seqFrom;
    this.#wake();
    while (this.#rewindTo !== undefined && !this.#abort.signal.aborted) await this.#change();
  }

  /** The record alone is refused: released only when it is safe among the dead letters. */
  async #bury(plan: Plan, failure: InsertFailure): Promise<void> {
    const [record] = await this.#log.read(plan.seqFrom, 1);
    if (record && ++this.#deadInARow > MAX_DEAD_IN_A_ROW) {
      this.#deadInARow = MAX_DEAD_IN_A_ROW;
      this.#delivery.block(
        `${failure.code}: every record is refused: ${failure.message.slice(0, 200)}`,
      );
      return pause(this.#options.backoff?.maxMs ?? 15_000, this.#abort.signal);
    }
    if (record && !(await this.#setAside(record, failure))) return;
    const name = "emptying a plan";
    await this.#commit(await this.#untilWritten(name, () => this.#planner.emptied(plan)));
    this.#line.shift();
    this.#wake();
  }

  /** Resolves to false only when stopped. */
  async #setAside(record: LogRecord, reason: DeadLetterReason): Promise<boolean> {
    const { logger, backoff } = this.#options;
    while (!(await this.#deadLetters.add(record, reason))) {
      this.#delivery.block("the dead letters are full: look into them and remove them");
      await pause(backoff?.maxMs ?? 15_000, this.#abort.signal);
      if (this.#abort.signal.aborted) return false;
    }
    this.#options.encoder.forgetSpans();
    const why = `${reason.code} ${reason.message.slice(0, 300)}`;
    logger("error", `insert: record ${record.seq} is set aside as a dead letter: ${why}`);
    return true;
  }

  // --- both

  async #remove(plans: readonly (Plan | Range)[]): Promise<void> {
    await this.#files.remove(plans, "plan");
    await this.#planner.removeBlocks(plans.filter((plan) => "block" in plan));
  }

  /** A loop that fails is a bug or a disk that refuses: what is planned stays planned, and the next start replays it. */
  async #run(loop: () => Promise<void>): Promise<void> {
    for (let attempt = 0; !this.#abort.signal.aborted; attempt++) {
      try {
        return await loop();
      } catch (error) {
        this.#isBroken = true;
        this.#open?.discard();
        this.#open = undefined;
        this.#delivery.block(`internal: ${String(error)}`);
        await pause(Math.min(15_000, 1000 * 2 ** attempt), this.#abort.signal);
      }
    }
  }

  #warn(message: string, error?: unknown): void {
    const why = error instanceof Error ? `: ${error.message}` : "";
    this.#options.logger("warn", `insert: ${message}${why}`);
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Resolves when the line changes, or on `stop`. */
  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  async #changeOrRecord(seq: number, ms: number): Promise<void> {
    const wait = new AbortController();
    const end = () => wait.abort();
    this.#waiting.add(end);
    const timer = ms === Infinity ? undefined : setTimeout(end, ms);
    await this.#log.waitFor(seq, wait.signal);
    clearTimeout(timer);
    this.#waiting.delete(end);
  }
}

function isWithin(seq: number, { seqFrom, seqTo }: Range): boolean {
  return seq >= seqFrom && seq <= seqTo;
}
