import type { ClickHouseSettings } from "@clickhouse/client";

/** Of an insert: one block in, one block to every table, which is what a deduplication token stands for. */
export function oneBlock(token?: string): ClickHouseSettings {
  return {
    ...(token !== undefined && { insert_deduplication_token: token }),
    max_threads: 1,
    max_insert_threads: "1",
    min_insert_block_size_rows: "10000000",
    min_insert_block_size_bytes: "0",
    max_insert_block_size: "10000000",
    async_insert: 0,
    deduplicate_insert_select: "enable_even_for_bad_queries",
    deduplicate_blocks_in_dependent_materialized_views: 1,
  };
}
