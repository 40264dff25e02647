/**
 * The collector's side of ClickHouse: the engine (unless the server is yours), then recovery, migration and inserts.
 *
 * It comes up in the order that keeps exactly-once true, and keeps trying while ClickHouse cannot be reached: the log
 * takes spans meanwhile. It gives up only where trying again cannot help: a data folder that another process holds,
 * a database that is newer than this version.
 */
import { join } from "node:path";
import type { ClickHouseClient } from "@clickhouse/client";
import {
  createClickHouse,
  migrate,
  retention,
  schemaVersion,
  SchemaError,
  startEmbeddedServer,
  targetOf,
  type ClickHouseTarget,
  type EmbeddedServer,
} from "@assay/clickhouse";
import type { PriceBook } from "@assay/instrumentation/pricing";
import { isForeignKey, translate, translateStats } from "./dialects/translate.ts";
import { createEncoder } from "./encode/encoder.ts";
import { createInserter, type Inserter, type SourceLog } from "./insert/inserter.ts";
import { countStored } from "./insert/stored-rows.ts";
import type { LogStats } from "./log/log.ts";
import type { CollectorSettings } from "./main.ts";
import { VALIDATOR_VERSION } from "./otlp/validate.ts";
import { recordPriceBook } from "./price-book.ts";
import { watchEngine, type EngineWatch } from "./telemetry/engine.ts";
import { watchLedger, type LedgerWatch } from "./telemetry/ledger.ts";
import type { TelemetrySources } from "./telemetry/telemetry.ts";

const DAY_MS = 86_400_000;
const STOP_MS = 10_000;
/** An insert of 128 MiB on a busy machine; the retry after it has the same token. */
const INSERT_TIMEOUT_MS = 120_000;
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 10_000;

export interface StoreOptions {
  settings: CollectorSettings;
  priceBook: PriceBook;
  dataDir: string;
  source: SourceLog & { stats(): LogStats };
  log: (level: "info" | "warn" | "error", message: string) => void;
}

export interface Store {
  /** Resolves when the schema is current and inserts run, or when stopped before; rejects when that will never be. */
  start(): Promise<void>;
  /** Stores what the log holds, within a deadline; closes the engine. */
  stop(): Promise<void>;
  /** Once started. */
  client(): ClickHouseClient | undefined;
  sources: Pick<TelemetrySources, "encode" | "insert" | "engine" | "ledger">;
}

export function createStore(options: StoreOptions): Store {
  const { settings, priceBook, dataDir, source, log } = options;
  const encoder = createEncoder({
    priceBook,
    collectorId: source.id,
    maxSpanAgeMs: settings.ASSAY_MAX_SPAN_AGE_DAYS * DAY_MS,
    dialects: { isForeignKey, translate },
  });
  const stopping = new AbortController();
  let engine: EmbeddedServer | undefined;
  let client: ClickHouseClient | undefined;
  let inserter: Inserter | undefined;
  let starting: Promise<void> | undefined;
  let watch: EngineWatch | undefined;
  let ledger: LedgerWatch | undefined;

  async function open(): Promise<{ client: ClickHouseClient; target: ClickHouseTarget }> {
    if (settings.CLICKHOUSE_URL === undefined) {
      engine = await startEmbeddedServer({
        dataDir,
        address: settings.ASSAY_CLICKHOUSE_HTTP,
        memoryMb: settings.ASSAY_ENGINE_MEMORY_MB,
        log,
      });
    }
    const target = engine?.target ?? (await targetOf(settings, "writer"));
    const opened = createClickHouse(target, { requestTimeoutMs: INSERT_TIMEOUT_MS });
    client = opened;
    watch = watchEngine({ ping: () => answered(opened), restarts: () => engine?.restarts() ?? 0 });
    return { client: opened, target };
  }

  async function bringUp(): Promise<void> {
    const opened = await open();
    if (stopping.signal.aborted) return;
    const { client: opener, target } = opened;
    const created = createInserter({
      log: source,
      encoder,
      client: opener,
      target,
      dir: join(dataDir, "insert"),
      logger: log,
      versions: { priceBook: priceBook.id, validator: VALIDATOR_VERSION },
    });
    inserter = created;
    const before = await untilReached("reading the schema", () => schemaVersion(opener));
    if (stopping.signal.aborted) return;
    await created.recover({ schemaVersion: before });
    if (stopping.signal.aborted) return;
    await untilReached("migrating", () =>
      migrate(opener, {
        retentionDays: settings.ASSAY_RETENTION_DAYS,
        withReader: !target.embedded,
        log,
      }),
    );
    await untilReached("recording the price book", () => recordPriceBook(opener, priceBook));
    if (stopping.signal.aborted) return;
    created.start();
    ledger = watchLedger({
      settled: () => created.settled(),
      log: () => source.stats(),
      countStored: (settled) => countStored(opener, settled),
      retentionDays: {
        spans: settings.ASSAY_RETENTION_DAYS.spans ?? retention.spans.days,
        span_content: settings.ASSAY_RETENTION_DAYS.content ?? retention.content.days,
        evaluations: settings.ASSAY_RETENTION_DAYS.evaluations ?? retention.evaluations.days,
      },
    });
  }

  /** Repeats `step` until it works; a server that is away is waited for. */
  async function untilReached<T>(name: string, step: () => Promise<T>): Promise<T> {
    for (let delay = FIRST_RETRY_MS; ; delay = Math.min(delay * 2, LONGEST_RETRY_MS)) {
      try {
        return await step();
      } catch (error) {
        if (error instanceof SchemaError || stopping.signal.aborted) throw error;
        log(
          "warn",
          `${name} failed, trying again: ${error instanceof Error ? error.message : String(error)}`,
        );
        await pause(delay, stopping.signal);
      }
    }
  }

  return {
    start: () =>
      (starting = bringUp().catch((error: unknown) => {
        // A step that fails because everything is being stopped is no reason to end otherwise than that.
        if (!stopping.signal.aborted) throw error;
      })),
    async stop() {
      stopping.abort();
      watch?.stop();
      ledger?.stop();
      await inserter?.stop(STOP_MS); // ends a recovery under way, too
      await starting?.catch(() => {}); // whoever awaited `ready` was told
      await client?.close();
      await engine?.stop();
    },
    client: () => client,
    sources: {
      encode: () => {
        const { folded, costs } = encoder.stats();
        const foldedValues = Object.values(folded).reduce((sum, count) => sum + count, 0);
        return {
          foldedValues,
          unpricedSpans: costs.unpriced,
          costs,
          pricesPublishedOn: priceBook.publishedOn,
          foreignSpans: translateStats(),
        };
      },
      insert: () => inserter?.stats(),
      engine: () => watch?.stats(),
      ledger: () => ledger?.stats(),
    },
  };
}

async function answered(client: ClickHouseClient): Promise<void> {
  const answer = await client.ping();
  if (!answer.success) throw answer.error;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
