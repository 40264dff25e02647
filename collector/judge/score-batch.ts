/**
 * Scores of several records in one insert: ClickHouse takes one insert of a thousand rows in the time of one of a single
 * row. Each record waits until its rows are stored, so that no more is at stake than what is under way.
 */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { ClickHouseClient } from "@clickhouse/client";
import { insertEvaluations } from "@assay/clickhouse";
import type { Logger } from "../stages.ts";
import type { ScoreRow } from "./score-row.ts";

const LINGER_MS = 250;
const MOST_ROWS = 500;

export interface ScoreBatchOptions {
  client: ClickHouseClient;
  log: Logger;
  /** When it is aborted nothing more is tried. */
  signal: AbortSignal;
  retryMs: number;
}

export class ScoreBatch {
  readonly #options: ScoreBatchOptions;
  #rows: ScoreRow[] = [];
  #stored: PromiseWithResolvers<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ScoreBatchOptions) {
    this.#options = options;
  }

  /** Resolves when they are stored, however long that takes. @throws when stopped before */
  store(rows: readonly ScoreRow[]): Promise<void> {
    if (rows.length === 0) return Promise.resolve();
    this.#rows.push(...rows);
    this.#stored ??= Promise.withResolvers();
    const { promise } = this.#stored;
    if (this.#rows.length >= MOST_ROWS) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), LINGER_MS);
    return promise;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const [rows, stored] = [this.#rows, this.#stored];
    this.#rows = [];
    this.#stored = undefined;
    if (stored) this.#insert(rows).then(stored.resolve, stored.reject);
  }

  /** An answer that was paid for is kept until the store takes it. */
  async #insert(rows: readonly ScoreRow[]): Promise<void> {
    const { client, log, signal, retryMs } = this.#options;
    const ids = rows.map((row) => String(row["evaluation_id"]));
    const token = createHash("sha256").update(ids.toSorted().join()).digest("hex");
    for (;;) {
      try {
        return await insertEvaluations(client, rows, `judge/${token}`);
      } catch (error) {
        if (signal.aborted) throw error;
        log("warn", `judge: scores not stored yet: ${String(error).slice(0, 300)}`);
        await delay(retryMs, undefined, { signal });
      }
    }
  }
}
