/**
 * The life of one query: wait for a lane, open a session, apply what the request sets, check, run, answer.
 *
 * Every query carries its id as `log_comment`, by which it is stopped when its client goes away. The session of a
 * reader becomes read-only before its statement runs; that cannot be undone from within.
 */
import type { ServerResponse } from "node:http";
import type { Engine, EngineSession, QueryOutcome } from "./engine.ts";
import { READER_ROLE } from "./engine-users.ts";
import { queryError } from "./errors.ts";
import type { Role } from "./denied.ts";
import type { FullDisk } from "./full-disk.ts";
import { checkSetting, readOnlyLevel } from "./gate-settings.ts";
import { checkNames } from "./gate-system.ts";
import { checkStatement, isAsking } from "./gate.ts";
import { insertFromFile, spoolBody, spooledFile } from "./insert.ts";
import type { SpooledData } from "./insert.ts";
import { createLane, laneSizes } from "./lane.ts";
import type { Lane, LaneStats } from "./lane.ts";
import type { QueryRequest } from "./request.ts";
import { contentType, sendBytes, sendStream } from "./response.ts";
import type { Summary } from "./response.ts";
import type { ResultPipes } from "./result-pipe.ts";
import { beginsInsert } from "./insert-text.ts";
import { sqlName, sqlString, tokens } from "./sql-lexer.ts";
import { createStatementReader } from "./statement.ts";
import type { Statement } from "./statement.ts";

const killEveryMs = 200;

interface QueryContext {
  role: Role;
  /** GET asks only, whoever sends it. */
  readOnlyMethod: boolean;
  queryId: string;
  /** Aborts when the client goes away. */
  signal: AbortSignal;
}

export interface QueryRunner {
  /** Answers on success; rejects with QueryError otherwise. */
  run(request: QueryRequest, context: QueryContext, response: ServerResponse): Promise<void>;
  /** Asks everything that runs to stop. */
  killAll(): Promise<void>;
  running(): number;
  stats(): Record<string, LaneStats>;
}

export interface QueryRunnerOptions {
  engine: Engine;
  pipes: ResultPipes;
  fullDisk: FullDisk;
  spoolDir: string;
  /** The most that a reader may set these to; also what holds when it does not. */
  readerLimits: ReadonlyMap<string, number>;
}

export function createQueryRunner(options: QueryRunnerOptions): QueryRunner {
  const { engine, pipes, fullDisk, spoolDir, readerLimits } = options;
  const statements = createStatementReader();
  const running = new Set<string>();
  const lanes = {
    reads: createLane("reads", laneSizes.reads),
    writerReads: createLane("reads of the writer", laneSizes.writerReads),
    inserts: createLane("inserts", laneSizes.inserts),
    commands: createLane("commands", laneSizes.commands),
  };

  function laneOf(request: QueryRequest, role: Role): Lane {
    if (request.data || request.spoolFile) return lanes.inserts;
    if (!asks.test(firstWord(request.text))) return lanes.commands;
    return role === "writer" ? lanes.writerReads : lanes.reads;
  }

  async function run(
    request: QueryRequest,
    context: QueryContext,
    response: ServerResponse,
  ): Promise<void> {
    if (running.has(context.queryId)) {
      request.data?.destroy();
      throw queryError(216, `Query with id = ${context.queryId} is already running`);
    }
    running.add(context.queryId);
    let spooled: SpooledData | undefined;
    try {
      // Received before a lane is taken: a slow sender holds no place in it.
      spooled = await receiveData(request, context);
      const leave = await laneOf(request, context.role).enter(context.signal);
      try {
        await runInLane(request, context, spooled, response);
      } finally {
        leave();
      }
    } finally {
      running.delete(context.queryId);
      await spooled?.release();
    }
  }

  async function receiveData(
    request: QueryRequest,
    context: QueryContext,
  ): Promise<SpooledData | undefined> {
    const mayWrite = context.role === "writer" && !context.readOnlyMethod;
    if (!mayWrite && (request.data || request.spoolFile !== undefined)) {
      request.data?.destroy();
      throw queryError(
        164,
        `${context.role}: Cannot execute query in readonly mode: expected no INSERT`,
      );
    }
    if (request.spoolFile !== undefined) {
      request.data?.resume(); // an empty body; whatever it holds is not what the insert is about
      return spooledFile(spoolDir, request.spoolFile);
    }
    return request.data ? spoolBody(spoolDir, request.data, context.signal) : undefined;
  }

  async function runInLane(
    request: QueryRequest,
    context: QueryContext,
    spooled: SpooledData | undefined,
    response: ServerResponse,
  ): Promise<void> {
    if (context.role === "reader") checkNames(request.text, request.parameters, request.database);
    const session = engine.open();
    const stopKilling = killWhenAborted(context);
    try {
      await session.run(preludeOf(request, context, readerLimits));
      const statement = await statements.read(session, request.text, context.signal);
      checkStatement(
        {
          sql: statement.sql,
          root: statement.root,
          tableFunctions: statement.tableFunctions,
          hasData: spooled !== undefined,
        },
        context.role,
        engine.tableFunctions,
      );
      if (context.readOnlyMethod && !isAsking(statement.root)) throw readOnlyMethodError();
      if (context.role === "reader")
        await session.run(`SET readonly = ${readOnlyLevel(statement.sql)}`);
      if (context.signal.aborted) throw queryError(394, "Query was cancelled before it began");
      if (spooled)
        return await fullDisk.insert(() =>
          runInsert(session, statement, spooled, request, response),
        );
      if (isAsking(statement.root)) return await runRead(session, statement, request, response);
      const command = () => runCommand(session, statement, request, response);
      return await (statement.root === "InsertQuery" ? fullDisk.insert(command) : command());
    } finally {
      stopKilling();
      session.close();
    }
  }

  async function runInsert(
    session: EngineSession,
    statement: Statement,
    spooled: SpooledData,
    request: QueryRequest,
    response: ServerResponse,
  ): Promise<void> {
    if (statement.root !== "InsertQuery")
      throw queryError(36, "Expected an INSERT … FORMAT with assay_spool");
    const empty = spooled.bytes === 0;
    const outcome = empty
      ? nothing
      : await session.run(await insertFromFile(session, statement, spooled.path));
    response.setHeader("content-type", contentType(request.defaultFormat));
    response.setHeader("x-clickhouse-format", request.defaultFormat);
    sendBytes(response, new Uint8Array(0), summaryOf(outcome, "written"), false);
  }

  async function runCommand(
    session: EngineSession,
    statement: Statement,
    request: QueryRequest,
    response: ServerResponse,
  ): Promise<void> {
    const format = statement.format ?? request.defaultFormat;
    const outcome = await session.run(statement.sql, format);
    response.setHeader("content-type", contentType(format));
    response.setHeader("x-clickhouse-format", format);
    const kind = beginsInsert(statement.sql) ? "written" : "read";
    sendBytes(response, outcome.bytes, summaryOf(outcome, kind), request.compressed);
  }

  async function runRead(
    session: EngineSession,
    statement: Statement,
    request: QueryRequest,
    response: ServerResponse,
  ): Promise<void> {
    const format = statement.format ?? request.defaultFormat;
    const pipe = pipes.take();
    try {
      const reading = await pipe.open();
      const { stream } = reading;
      const output = `INTO OUTFILE ${sqlString(pipe.path)} APPEND ${statement.format ? "" : `FORMAT ${format} `}`;
      const { sql, outputAt } = statement;
      const query = session.run(`${sql.slice(0, outputAt)} ${output}${sql.slice(outputAt)}`);
      const outcome = query.then((result) => summaryOf(result, "read"));
      outcome.catch(() => undefined); // sendStream waits for it; here it only must not count as unhandled
      const finished = query.then(
        () => reading.finish(),
        () => reading.finish(),
      );
      response.setHeader("content-type", contentType(format));
      response.setHeader("x-clickhouse-format", format);
      try {
        await sendStream(response, stream, outcome, {
          compressed: request.compressed,
          version: engine.version,
        });
      } finally {
        stream.resume();
        await finished;
        stream.destroy();
      }
    } finally {
      pipes.give(pipe);
    }
  }

  /** From the abort on until the query is over: a kill that comes before the query registered finds nothing. */
  function killWhenAborted(context: QueryContext): () => void {
    let timer: NodeJS.Timeout | undefined;
    let over = false;
    const kill = (): void => {
      if (over) return;
      const again = (): void => {
        if (!over) timer = setTimeout(kill, killEveryMs);
      };
      engine.kill(context.queryId).then(again, again); // a kill that failed is tried again as well
    };
    if (context.signal.aborted) kill();
    else context.signal.addEventListener("abort", kill, { once: true });
    return () => {
      over = true;
      clearTimeout(timer);
      context.signal.removeEventListener("abort", kill);
    };
  }

  return {
    run,
    async killAll() {
      await Promise.allSettled([...running].map((id) => engine.kill(id)));
    },
    running: () => running.size,
    stats: () =>
      Object.fromEntries(Object.entries(lanes).map(([name, lane]) => [name, lane.stats()])),
  };
}

/** Only chooses the lane; what may run is the gate's to say. */
const asks = /^(\(|SELECT|WITH|FROM|SHOW|DESC|DESCRIBE|EXPLAIN|EXISTS)$/i;

function firstWord(sql: string): string {
  for (const token of tokens(sql)) return token.text;
  return "";
}

const nothing: QueryOutcome = {
  bytes: new Uint8Array(0),
  elapsedSeconds: 0,
  rowsRead: 0,
  bytesRead: 0,
};

/** The engine counts what it read; of an insert that is what it wrote. */
function summaryOf(outcome: QueryOutcome, kind: "read" | "written"): Summary {
  const written = kind === "written";
  return {
    readRows: outcome.rowsRead,
    readBytes: outcome.bytesRead,
    writtenRows: written ? outcome.rowsRead : 0,
    writtenBytes: written ? outcome.bytesRead : 0,
    elapsedSeconds: outcome.elapsedSeconds,
  };
}

function readOnlyMethodError(): Error {
  return queryError(
    164,
    "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries",
  );
}

/** One statement text that gives the session the request's settings, parameters and database. */
function preludeOf(
  request: QueryRequest,
  context: QueryContext,
  readerLimits: ReadonlyMap<string, number>,
): string {
  const values = new Map<string, string>([["log_comment", context.queryId]]);
  values.set("output_format_parallel_formatting", "0"); // took 600 MB for rows of 1 KB, and gains nothing on two cores
  values.set("storage_file_read_method", "pread"); // the default, mmap, hung when a file shrank
  for (const [name, value] of request.settings) {
    // Asked for by the client's library; the role or the method decides.
    if (name === "readonly") continue;
    checkSetting(name, value, context.role);
    values.set(name, value);
  }
  values.set("async_insert", "0"); // an answer means stored, and asynchronous inserts split what is deduplicated
  if (context.role === "reader") {
    for (const [name, most] of readerLimits)
      values.set(name, String(clamped(values.get(name), most)));
  }
  for (const [name, value] of request.parameters) {
    if (!/^[A-Za-z_]\w*$/.test(name))
      throw queryError(36, `Expected a parameter's name, got "${name}"`);
    values.set(`param_${name}`, value);
  }
  const assignments = [...values].map(([name, value]) => `${name} = ${sqlString(value)}`);
  const use = request.database ? `; USE ${sqlName(request.database)}` : "";
  const role = context.role === "reader" ? `SET ROLE ${READER_ROLE}; ` : "";
  return `${role}SET ${assignments.join(", ")}${use}`;
}

/** Zero means without limit to the engine, so it becomes the most as well. */
function clamped(text: string | undefined, most: number): number {
  const asked = Number(text ?? 0);
  return Number.isFinite(asked) && asked > 0 ? Math.min(asked, most) : most;
}
