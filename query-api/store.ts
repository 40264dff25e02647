/**
 * Queries to ClickHouse: bound parameters only, limited in time and in what they may read, stopped when the client goes away.
 *
 * Values reach SQL solely as `{name:Type}` parameters. Numbers of 64 bits and decimals are turned into text in the SQL
 * itself, so that the answer does not depend on output settings, which a read-only user may not change. A query's id begins with
 * the request's, by which it is found in ClickHouse's own log.
 */
import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import type { ClickHouseClient } from "@clickhouse/client";

const MAX_QUERY_SECONDS = 30;
/** An export may take longer: the embedded engine's most for a reader. */
export const MAX_EXPORT_SECONDS = 300;

interface Query {
  sql: string;
  parameters?: Record<string, unknown>;
  /** @default MAX_QUERY_SECONDS */
  seconds?: number;
  /** For what reads a few rows: more threads would cost more than they read. @default the engine's */
  threads?: number;
  /**
   * Has no nested queries: the engine's older analysis understands it in half of the time, which is most of what a look-up costs.
   * Nested ones it goes through again and again. @default false
   */
  isFlat?: boolean;
  /** Groups by the beginning of the table's key: one group after the other, instead of all in memory. @default false */
  inKeyOrder?: boolean;
}

/** What one query may read; the engine refuses it, or stops it, beyond that. */
export interface QueryLimits {
  rows: number;
  bytes: number;
}

/** Runs queries for one request. */
export interface Store {
  rows<T>(query: Query): Promise<T[]>;
  /** In blocks, as they come; the engine waits while nobody reads. */
  blocks<T>(query: Query): AsyncIterable<T[]>;
  /** In one of ClickHouse's output formats. */
  bytes(query: Query, format: "Parquet"): Promise<Readable>;
}

export interface StoreOptions {
  /** Stops what runs. @default nothing does */
  signal?: AbortSignal;
  /** @default a random one */
  requestId?: string;
  limits?: QueryLimits | undefined;
}

export function createStore(client: ClickHouseClient, options: StoreOptions = {}): Store {
  const { signal, requestId = randomUUID(), limits } = options;
  const asked = ({
    sql,
    parameters = {},
    seconds = MAX_QUERY_SECONDS,
    threads,
    isFlat,
    inKeyOrder,
  }: Query) => ({
    query: sql,
    query_params: parameters,
    query_id: `${requestId}.${randomUUID().slice(0, 8)}`,
    ...(signal && { abort_signal: signal }),
    clickhouse_settings: {
      max_execution_time: seconds,
      ...(threads !== undefined && { max_threads: threads }),
      ...(isFlat && { enable_analyzer: 0 as const }),
      ...(inKeyOrder && { optimize_aggregation_in_order: 1 as const }),
      ...(limits && {
        max_rows_to_read: String(limits.rows),
        max_bytes_to_read: String(limits.bytes),
      }),
    },
  });
  return {
    async rows<T>(query: Query): Promise<T[]> {
      const result = await client.query({ ...asked(query), format: "JSONEachRow" });
      return result.json<T>();
    },
    async *blocks<T>(query: Query): AsyncGenerator<T[]> {
      const result = await client.query({ ...asked(query), format: "JSONEachRow" });
      for await (const rows of result.stream<T>()) yield rows.map((row) => row.json());
    },
    async bytes(query, format) {
      const sql = `${query.sql} FORMAT ${format}`;
      return (await client.exec(asked({ ...query, sql }))).stream;
    },
  };
}
