/** What an address of the API is: what it takes, what it answers, and what answers it. */
import type { PriceBook } from "@assay/instrumentation/pricing";
import type { ClickHouseClient } from "@clickhouse/client";
import type { z } from "zod";
import type { LabelSettings } from "./labels/queue.ts";
import type { Budget } from "./budgets.ts";
import type { CatalogueEntry } from "./catalogue.ts";
import type { LiveClients } from "./live.ts";
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
  labels: LabelSettings;
  /** Undefined: this server may only read. */
  writer: ClickHouseClient | undefined;
  budgets: readonly Budget[];
  catalogue: readonly CatalogueEntry[];
  live: LiveClients;
  /** Aborts when the client goes away. */
  signal: AbortSignal;
}

interface Address<Shape extends z.ZodRawShape, Path extends string> {
  /** As OpenAPI writes it: `/api/v1/traces/{traceId}`. */
  path: Path;
  summary: string;
  /** In the query of a GET, in the body of a POST. Times may be relative to `nowMs`. */
  parameters: (nowMs: number) => Shape;
}

export interface Endpoint<
  Shape extends z.ZodRawShape = z.ZodRawShape,
  Answer extends z.ZodType = z.ZodType,
  Path extends string = string,
> extends Address<Shape, Path> {
  method: "get" | "post";
  answer: Answer;
  run: (call: ApiCall) => Promise<unknown>;
}

/** One whose answer is sent as it is made, and is no single JSON value. */
export interface StreamEndpoint<
  Shape extends z.ZodRawShape = z.ZodRawShape,
  Path extends string = string,
> extends Address<Shape, Path> {
  method: "get";
  /** Content types that it may answer with, and what each holds. */
  media: Readonly<Record<string, string>>;
  stream: (call: ApiCall) => Promise<Streamed>;
}

export interface Streamed {
  headers: Record<string, string>;
  /** Made no faster than the client takes it. */
  body: AsyncIterable<string | Uint8Array>;
  /** Sent after the body, as HTTP trailers of these names. */
  trailers?: { names: readonly string[]; values: () => Record<string, string> };
}

/** Keeps the types of path and shapes, which the client is typed by. */
export function endpoint<
  Shape extends z.ZodRawShape,
  Answer extends z.ZodType,
  const Path extends string,
>(definition: Endpoint<Shape, Answer, Path>): Endpoint<Shape, Answer, Path> {
  return definition;
}

export function streamEndpoint<Shape extends z.ZodRawShape, const Path extends string>(
  definition: StreamEndpoint<Shape, Path>,
): StreamEndpoint<Shape, Path> {
  return definition;
}
