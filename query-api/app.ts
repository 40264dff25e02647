/**
 * The query API: addresses, and what happens around each answer.
 *
 * Each request gets a store of its own whose queries stop when the client goes away. At most MAX_IN_FLIGHT requests run
 * at once; more are refused with 503, since every one holds memory in ClickHouse. Every answer has a request id and, for
 * GET, an ETag: who asks again with it gets 304 while nothing has changed.
 */
import { fileURLToPath } from "node:url";
import type { ClickHouseClient } from "@clickhouse/client";
import express, {
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from "express";
import { schemaVersion } from "@assay/clickhouse";
import { type PriceBook, loadPriceBook } from "@assay/instrumentation/pricing";
import { apiPage, apiPageStyle } from "./api-page.ts";
import type { ApiCall, Endpoint, StreamEndpoint } from "./endpoint.ts";
import { ENDPOINTS } from "./endpoints.ts";
import { ApiError, badParameter, storeError } from "./errors.ts";
import { knownHosts, knownMethods, sameOrigin, securityHeaders } from "./guard.ts";
import { HEARTBEAT_MS, type LiveClients } from "./live.ts";
import type { Budget } from "./budgets.ts";
import type { CatalogueEntry } from "./catalogue.ts";
import type { LabelSettings } from "./labels/queue.ts";
import { openApi } from "./openapi.ts";
import { createRateLimit, limitRate } from "./rate-limit.ts";
import { nameRequest, requestIdOf } from "./request-id.ts";
import { type QueryLimits, createStore } from "./store.ts";
import { STALL_MS, sendStreamed } from "./stream.ts";

const MAX_IN_FLIGHT = 64;
/** Each holds a query, and so a place among the engine's, for as long as its client takes. */
const MAX_EXPORTS = 4;
const MAX_BODY_BYTES = 65_536;
const LABELS: LabelSettings = { share: 0.1, twice: 0.2 };
const POSTS = Object.values(ENDPOINTS).flatMap(({ method, path }) =>
  method === "post" ? [path] : [],
);
const PAGE = fileURLToPath(new URL("./page/dist", import.meta.url));
const RUNBOOKS = fileURLToPath(new URL("../docs/runbooks", import.meta.url));

export interface AppOptions {
  client: ClickHouseClient;
  log: (level: "info" | "warn" | "error", message: string) => void;
  /** Host names, besides loopback's, that requests may name. @default [] */
  hosts?: readonly string[];
  /** Requests may name any IP address, for servers that are reached from other machines. @default false */
  allowRemote?: boolean;
  /** Unix milliseconds. @default Date.now */
  now?: () => number;
  /** What the collector prices by. @default the bundled one */
  prices?: PriceBook;
  /** Who may write. @default what would be written is refused */
  writer?: ClickHouseClient;
  labels?: LabelSettings;
  /** @default [] */
  budgets?: readonly Budget[];
  /** What is known of models besides their traffic. @default [] */
  catalogue?: readonly CatalogueEntry[];
  /** Every answer is held against its schema; for tests. @default false */
  checkAnswers?: boolean;
  /** Requests a second of one address. @default no limit */
  requestsPerSecond?: number | undefined;
  /** Clients that may follow live spans. @default 20 */
  liveClients?: number | undefined;
  /** What one query may read. @default no limit */
  queryLimits?: QueryLimits | undefined;
  /** A client of a stream that takes nothing for so long is dropped. @default 30 s */
  stallMs?: number;
  /** Live spans: how long nothing is sent at most. @default 15 s */
  heartbeatMs?: number;
  /** Folder of the built page. */
  page?: string;
}

type Answer = (call: ApiCall, request: Request) => Promise<unknown>;

export function createApp(options: AppOptions): Express {
  const { client, now = Date.now } = options;
  const live: LiveClients = {
    following: 0,
    dropped: 0,
    most: options.liveClients ?? 20,
    heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
  };
  const app = express();
  app.disable("x-powered-by");
  app.set("query parser", "simple");
  app.use(
    nameRequest,
    securityHeaders,
    knownMethods(POSTS),
    knownHosts(options.hosts ?? [], options.allowRemote),
    sameOrigin,
  );
  if (options.requestsPerSecond !== undefined)
    app.use("/api/", limitRate(createRateLimit(options.requestsPerSecond)));

  const callOf = (request: Request, response: Response): ApiCall => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    return {
      store: createStore(client, {
        signal: gone.signal,
        requestId: requestIdOf(response),
        limits: options.queryLimits,
      }),
      path: pathOf(request),
      query: request.query,
      body: request.body,
      nowMs: now(),
      prices: options.prices ?? loadPriceBook(),
      labels: options.labels ?? LABELS,
      writer: options.writer,
      budgets: options.budgets ?? [],
      catalogue: options.catalogue ?? [],
      live,
      signal: gone.signal,
    };
  };
  const inFlight = { count: 0 };
  const serve = (definition: Endpoint): void => {
    const answer: Answer = async (call) => {
      const found = await definition.run(call);
      if (options.checkAnswers) checkAnswer(definition, found);
      return found;
    };
    const path = definition.path.replaceAll(/\{(\w+)\}/g, ":$1");
    const readBody = definition.method === "post" ? jsonBody : [];
    app[definition.method](path, ...readBody, answering(callOf, inFlight, answer));
  };
  const exporting = { count: 0 };
  const stallMs = options.stallMs ?? STALL_MS;
  for (const definition of Object.values(ENDPOINTS)) {
    if ("stream" in definition)
      app.get(definition.path, streaming(callOf, exporting, definition, stallMs));
  }
  for (const definition of Object.values(ENDPOINTS)) if ("run" in definition) serve(definition);
  app.get("/api/v1/openapi.json", (_request, response) => void response.json(openApi()));
  app.get("/api/v1/docs", (_request, response) => void response.type("html").send(apiPage()));
  app.get("/api/v1/docs.css", (_request, response) => void response.type("css").send(apiPageStyle));
  app.get(
    "/healthz",
    answering(callOf, inFlight, async () => ({
      status: "ok",
      schema_version: await presentSchema(client),
      live: { following: live.following, dropped: live.dropped },
    })),
  );
  app.use("/runbooks", runbooks());
  app.use(express.static(options.page ?? PAGE, { index: "index.html", redirect: false }));
  app.get("/", (_request, _response, next) => next(new ApiError("page_not_built")));
  app.use((request: Request, _response: Response, next: NextFunction) => {
    next(new ApiError("not_found", `there is no "${request.path.slice(0, 200)}"`));
  });
  app.use(errorAnswer(options.log));
  return app;
}

/** What to do when a check fires, as text: messages and alert rules link there. */
function runbooks(): RequestHandler {
  return express.static(RUNBOOKS, {
    extensions: ["md"],
    index: false,
    redirect: false,
    setHeaders: (response) => response.setHeader("Content-Type", "text/plain; charset=utf-8"),
  });
}

/** Only JSON, so that a browser asks before it sends such a request for another site's page. */
const jsonBody: RequestHandler[] = [
  (request, _response, next) => {
    const type = request.headers["content-type"] ?? "";
    const json = /^application\/json\s*(;|$)/i.test(type);
    next(
      json
        ? undefined
        : new ApiError(
            "unsupported_media_type",
            `expected application/json, got "${type.slice(0, 200)}"`,
          ),
    );
  },
  express.json({ limit: MAX_BODY_BYTES, strict: false }),
];

function pathOf(request: Request): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.params).map(([name, value]) => [name, String(value)]),
  );
}

function checkAnswer({ path, answer }: Endpoint, found: unknown): void {
  const parsed = answer.safeParse(JSON.parse(JSON.stringify(found)));
  if (!parsed.success)
    throw new Error(`${path} answers what it should not: ${parsed.error.message}`);
}

async function presentSchema(client: ClickHouseClient): Promise<number> {
  const version = await schemaVersion(client);
  if (version > 0) return version;
  throw new ApiError("schema_missing");
}

type CallOf = (request: Request, response: Response) => ApiCall;

function answering(callOf: CallOf, inFlight: { count: number }, answer: Answer): RequestHandler {
  return async (request, response) => {
    if (inFlight.count >= MAX_IN_FLIGHT) throw new ApiError("too_busy");
    const call = callOf(request, response);
    inFlight.count++;
    try {
      const body = await answer(call, request);
      const again = request.method === "POST" ? "no-store" : "private, no-cache"; // kept, and asked about each time
      response.set("Cache-Control", again).json(body);
    } catch (error) {
      if (!call.signal.aborted) throw error; // Nobody is left to be told.
    } finally {
      inFlight.count--;
    }
  };
}

/** Exports are few at a time; who follows live spans is counted apart, since that costs little and lasts. */
function streaming(
  callOf: CallOf,
  exporting: { count: number },
  definition: StreamEndpoint,
  stallMs: number,
): RequestHandler {
  const follows = "text/event-stream" in definition.media;
  return async (request, response) => {
    if (request.method === "HEAD") return void response.end(); // its headers are not known before it runs
    if (!follows && exporting.count >= MAX_EXPORTS) throw new ApiError("too_busy");
    const call = callOf(request, response);
    if (!follows) exporting.count++;
    try {
      const sent = await sendStreamed(response, await definition.stream(call), stallMs);
      if (sent === "stalled" && follows) call.live.dropped++;
    } catch (error) {
      if (!call.signal.aborted) throw error; // Nobody is left to be told.
    } finally {
      if (!follows) exporting.count--;
    }
  };
}

/** Express knows an error handler by its four parameters. */
function errorAnswer(log: AppOptions["log"]) {
  return (error: unknown, request: Request, response: Response, _next: NextFunction): void => {
    const known =
      storeError(error) ?? malformed(error) ?? new ApiError("internal", undefined, {}, error);
    if (known.status >= 500)
      log(
        "error",
        `${request.method} ${request.path} (request ${requestIdOf(response)}): ${known.code}: ${reason(known.cause)}`,
      );
    if (response.headersSent) return void response.destroy();
    if (known.status === 503) response.set("Retry-After", "5");
    const { error: body } = known.body();
    response
      .status(known.status)
      .set("Cache-Control", "no-store")
      .json({ error: { ...body, request_id: requestIdOf(response) } });
  };
}

/** Express itself refuses an address such as `/%zz`, and a body that is no JSON. */
function malformed(error: unknown): ApiError | undefined {
  if (error instanceof URIError) return new ApiError("not_found", "the address is not well formed");
  const type = (error as { type?: unknown } | null)?.type;
  if (type === "entity.parse.failed") return badParameter("body", "JSON", (error as Error).message);
  if (type === "entity.too.large") return new ApiError("body_too_large");
  return undefined;
}

function reason(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : JSON.stringify(cause ?? "");
}
