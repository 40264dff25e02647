/**
 * Queries to ClickHouse: bound parameters only, limited in time, stopped when the client goes away.
 *
 * Values reach SQL solely as `{name:Type}` parameters. Numbers of 64 bits and decimals are turned into text in the SQL
 * itself, so that the answer does not depend on output settings, which a read-only user may not change.
 */
import type { ClickHouseClient } from "@clickhouse/client";

export const MAX_QUERY_SECONDS = 30;

interface Query {
  sql: string;
  parameters?: Record<string, unknown>;
}

/** Runs queries for one request. */
export interface Store {
  rows<T>(query: Query): Promise<T[]>;
}

export function createStore(client: ClickHouseClient, signal: AbortSignal): Store {
  return {
    async rows<T>({ sql, parameters = {} }: Query): Promise<T[]> {
      const result = await client.query({
        query: sql,
        query_params: parameters,
        format: "JSONEachRow",
        abort_signal: signal,
        clickhouse_settings: { max_execution_time: MAX_QUERY_SECONDS },
      });
      return result.json<T>();
    },
  };
}
