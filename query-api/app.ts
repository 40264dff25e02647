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
import { readCosts } from "./costs.ts";
import { readDeterminism } from "./determinism.ts";
import { ApiError, storeError } from "./errors.ts";
import { knownHosts, readOnlyMethods, sameOrigin, securityHeaders } from "./guard.ts";
import { readJudges } from "./judges.ts";
import { flag, readId, readParameters, type RawQuery } from "./parameters.ts";
import { listProjects } from "./projects.ts";
import { listEvaluations, readQuality } from "./quality.ts";
import { listSpans } from "./spans.ts";
import { type Store, createStore } from "./store.ts";
import { readSpan, readTrace } from "./trace.ts";
import { listTraces } from "./traces.ts";

const MAX_IN_FLIGHT = 64;
const PAGE = fileURLToPath(new URL("./page/dist", import.meta.url));

export interface AppOptions {
  client: ClickHouseClient;
  log: (level: "info" | "warn" | "error", message: string) => void;
  /** Host names, besides loopback's, that requests may name. @default [] */
  hosts?: readonly string[];
  /** Requests may name any IP address, for servers that are reached from other machines. @default false */
  allowRemote?: boolean;
  /** Unix milliseconds. @default Date.now */
  now?: () => number;
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
    readOnlyMethods,
    knownHosts(options.hosts ?? [], options.allowRemote),
    sameOrigin,
  );

  const inFlight = { count: 0 };
  const route = (path: string, answer: Answer): void => {
    app.get(path, answering(client, inFlight, answer));
  };
  route("/api/v1/traces", (store, request) => listTraces(store, query(request), now()));
  route("/api/v1/traces/:traceId", (store, request) => {
    const { content } = readParameters({ content: flag.default(false) }, query(request));
    return readTrace(store, readId("traceId", text(request.params.traceId), 16), { content });
  });
  route("/api/v1/traces/:traceId/spans/:spanId", (store, request) => {
    readParameters({}, query(request));
    const traceId = readId("traceId", text(request.params.traceId), 16);
    return readSpan(store, traceId, readId("spanId", text(request.params.spanId), 8));
  });
  route("/api/v1/spans", (store, request) => listSpans(store, query(request), now()));
  route("/api/v1/costs", (store, request) => readCosts(store, query(request), now()));
  route("/api/v1/quality", (store, request) => readQuality(store, query(request), now()));
  route("/api/v1/evaluations", (store, request) => listEvaluations(store, query(request), now()));
  route("/api/v1/judges", (store, request) => readJudges(store, query(request), now()));
  route("/api/v1/determinism", (store, request) => readDeterminism(store, query(request), now()));
  route("/api/v1/projects", (store, request) => {
    readParameters({}, query(request));
    return listProjects(store);
  });
  route("/healthz", async () => ({ status: "ok", schema_version: await presentSchema(client) }));

  app.use(express.static(options.page ?? PAGE, { index: "index.html", redirect: false }));
  app.get("/", (_request, _response, next) => next(new ApiError("page_not_built")));
  app.use((request: Request, _response: Response, next: NextFunction) => {
    next(new ApiError("not_found", `there is no "${request.path.slice(0, 200)}"`));
  });
  app.use(errorAnswer(options.log));
  return app;
}

/** Express gives repeated names as arrays, on an object without prototype. */
function query(request: Request): RawQuery {
  return request.query;
}

function text(value: string | string[] | undefined): string {
  return typeof value === "string" ? value : "";
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

/** Express itself refuses an address such as `/%zz`. */
function malformed(error: unknown): ApiError | undefined {
  return error instanceof URIError
    ? new ApiError("not_found", "the address is not well formed")
    : undefined;
}

function reason(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : JSON.stringify(cause ?? "");
}
