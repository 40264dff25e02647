/** What an address of the API is: what it takes, what it answers, and what answers it. */
import type { PriceBook } from "@assay/instrumentation/pricing";
import type { ClickHouseClient } from "@clickhouse/client";
import type { z } from "zod";
import type { RawQuery } from "./parameters.ts";
import type { Store } from "./store.ts";

/** A request as it came; each endpoint checks what it uses. */
export interface ApiCall {
  store: Store;
  path: Record<string, string>;
  query: RawQuery;
  /** Parsed JSON; undefined for GET. */
  body: unknown;
  nowMs: number;
  prices: PriceBook;
  /** Undefined: this server may only read. */
  writer: ClickHouseClient | undefined;
}

export interface Endpoint<
  Shape extends z.ZodRawShape = z.ZodRawShape,
  Answer extends z.ZodType = z.ZodType,
  Path extends string = string,
> {
  method: "get" | "post";
  /** As OpenAPI writes it: `/api/v1/traces/{traceId}`. */
  path: Path;
  summary: string;
  /** In the query of a GET, in the body of a POST. Times may be relative to `nowMs`. */
  parameters: (nowMs: number) => Shape;
  answer: Answer;
  run: (call: ApiCall) => Promise<unknown>;
}

/** Keeps the types of path and shapes, which the client is typed by. */
export function endpoint<
  Shape extends z.ZodRawShape,
  Answer extends z.ZodType,
  const Path extends string,
>(definition: Endpoint<Shape, Answer, Path>): Endpoint<Shape, Answer, Path> {
  return definition;
}
