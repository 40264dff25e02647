/**
 * `pg`: searches with pgvector. Every query passes through here, so what is no search leaves as fast as it can.
 *
 * A search is seen the way the service asked for it: promise, callback, or an object that reads the rows itself (Query,
 * pg-cursor, pg-query-stream). Nothing runs inside our span: a connection that opens meanwhile would keep its context
 * for ever.
 *
 * pool.query() waits for a client and may get it in the middle of another request; so the pool's call is what is traced,
 * where the context is the caller's, and the client's query that follows from it is not.
 */
import type { Attributes } from "@opentelemetry/api";
import { ATTR } from "../conventions.ts";
import { countError, guarded } from "../health.ts";
import { observeResult } from "../observe-result.ts";
import { patchClasses, type Tracer, type TracedMethod } from "../patch-method.ts";
import type { PatchReport, Sdk } from "../sdk-copies.ts";
import { count, fields, isFields, list, memberOf, text, type Fields } from "../untyped.ts";
import { observeSubmittable } from "./pg-submittable.ts";
import { startRetrieval, type Retrieval } from "./retrieval.ts";
import { maySearch, vectorSearchOf, type VectorSearch } from "./vector-search.ts";

type Callback = (this: unknown, ...args: unknown[]) => unknown;

/** A search of the pool, while it runs up to its connect(); without a retrieval where an outer one counts. */
let poolSearch: { retrieval: Retrieval | undefined } | undefined;
/** The client's query that is being called belongs to the pool's. */
let insidePool = false;

const traceClientQuery: Tracer = (original, self, args) => {
  const query = (): unknown => Reflect.apply(original, self, args);
  const search = insidePool ? undefined : searchIn(args);
  if (!search) return query();
  const retrieval = startSearch(search, () => connectionOf(self));
  return retrieval ? observeQuery(retrieval, original, self, args) : query();
};

const tracePoolQuery: Tracer = (original, self, args) => {
  const search = searchIn(args);
  if (!search) return Reflect.apply(original, self, args);
  const retrieval = startSearch(search, () => ({}));
  const outer = poolSearch;
  poolSearch = { retrieval };
  try {
    return retrieval
      ? observeQuery(retrieval, original, self, args)
      : Reflect.apply(original, self, args);
  } finally {
    poolSearch = outer;
  }
};

const tracePoolConnect: Tracer = (original, self, args) => {
  const search = poolSearch;
  const [callback] = args;
  if (!search || typeof callback !== "function") return Reflect.apply(original, self, args);
  poolSearch = undefined;
  const connected: Callback = function (...found) {
    guarded("reading a connection", () => search.retrieval?.describe(connectionOf(found[1])));
    insidePool = found[1] !== undefined;
    try {
      return Reflect.apply(callback, this, found) as unknown;
    } finally {
      insidePool = false;
    }
  };
  return Reflect.apply(original, self, [connected]);
};

export const PG_CLIENT_METHODS: readonly TracedMethod[] = [
  { name: "query", classes: ["Client"], resource: [], trace: traceClientQuery },
];
export const PG_POOL_METHODS: readonly TracedMethod[] = [
  { name: "query", classes: ["Pool"], resource: [], trace: tracePoolQuery },
  { name: "connect", classes: ["Pool"], resource: [], trace: tracePoolConnect },
];

export const pg: Sdk = {
  package: "pg",
  patch(exports): PatchReport {
    const found = memberOf(exports, "Client") ? exports : memberOf(exports, "default");
    const client = patchClasses(found, PG_CLIENT_METHODS);
    const pool = patchClasses({ Pool: poolClass(memberOf(found, "Pool")) }, PG_POOL_METHODS);
    return {
      patched: [...client.patched, ...pool.patched.map((name) => `pool ${name}`)],
      skipped: { ...client.skipped, ...pool.skipped },
      absent: [...client.absent, ...pool.absent],
    };
  },
};

export function isPgClient(value: object): boolean {
  return "connectionParameters" in value && "query" in value;
}

export function isPgPool(value: object): boolean {
  return "totalCount" in value && "idleCount" in value && "query" in value;
}

/** `pg.Pool` derives from the class of `pg-pool`, which has the methods. */
function poolClass(pool: unknown): unknown {
  const base: unknown = typeof pool === "function" ? Object.getPrototypeOf(pool) : undefined;
  return typeof memberOf(memberOf(base, "prototype"), "query") === "function" ? base : pool;
}

interface Search extends VectorSearch {
  sql: string;
}

/** Every query of the service asks this. Never throws. */
function searchIn(args: readonly unknown[]): Search | undefined {
  try {
    const config = args[0];
    const sql = typeof config === "string" ? config : text(memberOf(config, "text"));
    if (sql === undefined || !maySearch(sql)) return undefined;
    const values = Array.isArray(args[1]) ? args[1] : memberOf(config, "values");
    const search = vectorSearchOf(sql, values);
    return search && { ...search, sql };
  } catch (error) {
    countError("reading a query", error);
    return undefined;
  }
}

function startSearch(search: Search, connection: () => Attributes): Retrieval | undefined {
  return startRetrieval(() => ({
    source: search.source,
    provider: "pgvector",
    topK: search.topK,
    attributes: { [ATTR.dbSystemName]: "postgresql", ...connection() },
    statement: (mode) => (mode === "full" ? search.sql : search.withoutLiterals()),
    documents: rowsOf,
    // SQLSTATE, or the system's name of a connection that failed.
    errorType: (error) => text(memberOf(error, "code")),
  }));
}

function connectionOf(client: unknown): Attributes {
  const attributes: Attributes = {};
  const [host, port] = [text(memberOf(client, "host")), count(memberOf(client, "port"))];
  const database = text(memberOf(client, "database"));
  if (host) attributes[ATTR.serverAddress] = host;
  if (host && port !== undefined) attributes[ATTR.serverPort] = port;
  if (database) attributes[ATTR.dbNamespace] = database;
  return attributes;
}

/** Each form that `query` takes. Returns and throws what it does. */
function observeQuery(
  retrieval: Retrieval,
  original: Callback,
  self: unknown,
  args: unknown[],
): unknown {
  const query = (given: unknown[]): unknown => {
    try {
      return Reflect.apply(original, self, given);
    } catch (error) {
      retrieval.fail(error);
      throw error;
    }
  };
  const config = args[0];
  if (typeof memberOf(config, "submit") === "function") {
    guarded("observing a query", () => observeSubmittable(config as object, retrieval));
    return query(args);
  }
  const at = args.findLastIndex((arg, index) => index > 0 && typeof arg === "function");
  if (at > 0) return query(args.with(at, watched(args[at] as Callback, retrieval)));
  const callback = memberOf(config, "callback");
  if (typeof callback === "function")
    return withConfigCallback(config as object, watched(callback as Callback, retrieval), () =>
      query(args),
    );
  return observeResult(query(args), retrieval);
}

function watched(callback: Callback, retrieval: Retrieval): Callback {
  return function (...args) {
    if (args[0]) retrieval.fail(args[0]);
    else retrieval.succeed(args[1]);
    return Reflect.apply(callback, this, args);
  };
}

/** pg reads the callback at once, and the config is the service's, which may use it again. */
function withConfigCallback(config: object, callback: Callback, query: () => unknown): unknown {
  const own = Object.getOwnPropertyDescriptor(config, "callback");
  const replaced = own?.writable === true && Reflect.set(config, "callback", callback);
  try {
    return query();
  } finally {
    if (replaced) Reflect.set(config, "callback", own.value);
  }
}

/** Several statements in one text have several results; rows may be asked for as arrays. */
function rowsOf(result: unknown): readonly unknown[] {
  if (Array.isArray(result)) return result.flatMap(rowsOf);
  const names = list(memberOf(result, "fields")).map(
    (field) => text(memberOf(field, "name")) ?? "",
  );
  return list(memberOf(result, "rows")).map((row) => (isFields(row) ? row : named(row, names)));
}

function named(row: unknown, names: readonly string[]): Fields {
  return fields(Object.fromEntries(list(row).map((value, at) => [names[at] ?? "", value]))) ?? {};
}
