/**
 * Prices the calls of a period anew and corrects everything that was made from them.
 *
 * Day by day: what would change is worked out and kept in a table of its own, goes from there to the journal in one insert,
 * and from the journal to the rollups and the spans (clickhouse/cost-revisions.ts). Whatever it was killed in, running it
 * again gives the same result: an unfinished day is finished from the journal first, a day that was not planned yet is
 * worked out again, and one that is done has nothing left to change.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { finishCostRevisions, planCostRevisions } from "@assay/clickhouse";
import { type PriceBook, formatUsd } from "@assay/instrumentation/pricing";
import { recordPriceBook } from "../price-book.ts";
import { type Repriced, type StoredCall, isChange, repriced } from "./repriced.ts";
import { type CallFilter, readStoredCalls } from "./stored-calls.ts";

const ROWS_PER_INSERT = 20_000;

/** Of one day and model; amounts in 1e-12 USD. */
export interface ModelChange {
  day: string;
  provider: string;
  model: string;
  calls: number;
  /** Calls that had no price and now have one. */
  newlyPriced: number;
  before: bigint;
  after: bigint;
}

export interface RepriceOptions {
  client: ClickHouseClient;
  book: PriceBook;
  filter: CallFilter;
  /** UTC days, `YYYY-MM-DD`. */
  days: readonly string[];
}

/** What would change. Changes nothing. */
export async function previewReprice(options: RepriceOptions): Promise<ModelChange[]> {
  const changes: ModelChange[] = [];
  for (const day of options.days) {
    const found = new DayChanges(day);
    for await (const [call, now] of changedCalls(options, day)) found.add(call, now);
    changes.push(...found.byModel());
  }
  return changes;
}

export interface ApplyOptions extends RepriceOptions {
  /** Id of the run: lower-case letters, digits and `_`. */
  run: string;
  reason: string;
  /** Before each day's costs are changed. @throws where another run has begun */
  check: () => Promise<void>;
  onDay: (changes: ModelChange[]) => void;
}

/** @returns what was changed */
export async function applyReprice(options: ApplyOptions): Promise<ModelChange[]> {
  const { client, book, days, run, reason, check, onDay } = options;
  await recordPriceBook(client, book);
  await finishCostRevisions(client);
  const changes: ModelChange[] = [];
  for (const day of days) {
    await check();
    const table = `cost_plan_${run}`;
    const planned = await stage(options, day, table);
    if (planned.length > 0) {
      await planCostRevisions(client, { run, reason, day, changes: selectFrom(table) });
      await check();
      await finishCostRevisions(client, run);
    }
    await client.command({ query: `DROP TABLE IF EXISTS ${table} SYNC` });
    onDay(planned);
    changes.push(...planned);
  }
  return changes;
}

/** What is left of runs that were killed before their day came into the journal. */
export async function dropStagedPlans(client: ClickHouseClient): Promise<void> {
  const result = await client.query({
    query:
      "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'cost_plan_')",
    format: "JSONEachRow",
  });
  for (const { name } of await result.json<{ name: string }>())
    await client.command({ query: `DROP TABLE IF EXISTS ${name} SYNC` });
}

async function stage(options: ApplyOptions, day: string, table: string): Promise<ModelChange[]> {
  const { client } = options;
  await client.command({
    query: `CREATE OR REPLACE TABLE ${table} (
        trace_id String, span_id String, cost Nullable(Decimal(38, 12)), status String, price_id String
      ) ENGINE = MergeTree ORDER BY ()`,
  });
  const found = new DayChanges(day);
  let values: Record<string, unknown>[] = [];
  const flush = async (): Promise<void> => {
    if (values.length > 0) await client.insert({ table, values, format: "JSONEachRow" });
    values = [];
  };
  for await (const [call, now] of changedCalls(options, day)) {
    found.add(call, now);
    values.push({
      trace_id: call.traceId,
      span_id: call.spanId,
      cost: now.cost === undefined ? null : formatUsd(now.cost),
      status: now.status,
      price_id: now.priceId,
    });
    if (values.length === ROWS_PER_INSERT) await flush();
  }
  await flush();
  return found.byModel();
}

function selectFrom(table: string): string {
  return `SELECT toFixedString(unhex(trace_id), 16) AS trace_id, toFixedString(unhex(span_id), 8) AS span_id,
    cost AS new_cost, status AS new_cost_status, price_id AS new_price_id FROM ${table}`;
}

async function* changedCalls(
  { client, book, filter }: RepriceOptions,
  day: string,
): AsyncGenerator<readonly [StoredCall, Repriced]> {
  for await (const call of readStoredCalls(client, day, filter)) {
    const now = repriced(book, call);
    if (isChange(call, now)) yield [call, now];
  }
}

class DayChanges {
  readonly #day: string;
  readonly #byModel = new Map<string, ModelChange>();

  constructor(day: string) {
    this.#day = day;
  }

  add(call: StoredCall, now: Repriced): void {
    const { provider } = call;
    const model = call.responseModel || call.requestModel;
    const key = JSON.stringify([provider, model]);
    let change = this.#byModel.get(key);
    if (change === undefined) {
      change = { day: this.#day, provider, model, calls: 0, newlyPriced: 0, before: 0n, after: 0n };
      this.#byModel.set(key, change);
    }
    change.calls++;
    if (call.cost === undefined) change.newlyPriced++;
    change.before += call.cost ?? 0n;
    change.after += now.cost ?? 0n;
  }

  byModel(): ModelChange[] {
    return [...this.#byModel.values()].toSorted((a, b) => b.calls - a.calls);
  }
}
