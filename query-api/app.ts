/**
 * The query API: addresses, and what happens around each answer.
 *
 * Each request gets a store of its own whose queries stop when the client goes away. At most MAX_IN_FLIGHT requests run
 * at once; more are refused with 503, since every one holds memory in ClickHouse.
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
import type { Endpoint } from "./endpoint.ts";
import { ENDPOINTS } from "./endpoints.ts";
import { ApiError, badParameter, storeError } from "./errors.ts";
import { knownHosts, knownMethods, sameOrigin, securityHeaders } from "./guard.ts";
import { openApi } from "./openapi.ts";
import { type Store, createStore } from "./store.ts";

const MAX_IN_FLIGHT = 64;
const MAX_BODY_BYTES = 65_536;
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
  /** Every answer is held against its schema; for tests. @default false */
  checkAnswers?: boolean;
  /** Folder of the built page. */
  page?: string;
}

type Answer = (store: Store, request: Request) => Promise<unknown>;

export function createApp(options: AppOptions): Express {
  const { client, now = Date.now } = options;
  const app = express();
  app.disable("x-powered-by");
  app.set("query parser", "simple");
  app.use(
    securityHeaders,
    knownMethods(POSTS),
    knownHosts(options.hosts ?? [], options.allowRemote),
    sameOrigin,
  );

  const inFlight = { count: 0 };
  const serve = (definition: Endpoint): void => {
    const answer: Answer = async (store, request) => {
      const call = {
        store,
        path: pathOf(request),
        query: request.query,
        body: request.body,
        nowMs: now(),
        prices: options.prices ?? loadPriceBook(),
        writer: options.writer,
      };
      const found = await definition.run(call);
      if (options.checkAnswers) checkAnswer(definition, found);
      return found;
    };
    const path = definition.path.replaceAll(/\{(\w+)\}/g, ":$1");
    const readBody = definition.method === "post" ? jsonBody : [];
    app[definition.method](path, ...readBody, answering(client, inFlight, answer));
  };
  Object.values(ENDPOINTS).forEach(serve);
  app.get("/api/v1/openapi.json", (_request, response) => void response.json(openApi()));
  app.get(
    "/healthz",
    answering(client, inFlight, async () => ({
      status: "ok",
      schema_version: await presentSchema(client),
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

function answering(
  client: ClickHouseClient,
  inFlight: { count: number },
  answer: Answer,
): RequestHandler {
  return async (request, response) => {
    if (inFlight.count >= MAX_IN_FLIGHT) throw new ApiError("too_busy");
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    inFlight.count++;
    try {
      const body = await answer(createStore(client, gone.signal), request);
      response.set("Cache-Control", "no-store").json(body);
    } catch (error) {
      if (!gone.signal.aborted) throw error; // Nobody is left to be told.
    } finally {
      inFlight.count--;
    }
  };
}

/** Express knows an error handler by its four parameters. */
function errorAnswer(log: AppOptions["log"]) {
  return (error: unknown, request: Request, response: Response, _next: NextFunction): void => {
    const known =
      storeError(error) ?? malformed(error) ?? new ApiError("internal", undefined, {}, error);
    if (known.status >= 500)
      log("error", `${request.method} ${request.path}: ${known.code}: ${reason(known.cause)}`);
    if (response.headersSent) return void response.destroy();
    if (known.status === 503) response.set("Retry-After", "5");
    response.status(known.status).set("Cache-Control", "no-store").json(known.body());
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
