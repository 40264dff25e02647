/**
 * What OTLP/HTTP and OTLP/gRPC have in common: admit → inflate → decode → consume → count.
 *
 * A transport reads its head and its body in its own way and answers in its own words; everything between is here, so
 * that both give the same spans to the same next stage, under one memory budget, with one set of limits and reasons.
 * Each transport has an entrance of its own with its own counters.
 *
 * Only what `consume` resolved may be answered with success.
 */
import { totalmem } from "node:os";
import {
  PermanentError,
  RefusedError,
  type AcceptedRequest,
  type AppendOutcome,
  type Signal,
} from "../stages.ts";
import type { PartialSuccess } from "./answer.ts";
import { createBodyHash } from "./body-hash.ts";
import { createBodyPool } from "./body-pool.ts";
import { createBodyLimits, noMemory, type BodyLimits } from "./body.ts";
import { decode } from "./decode.ts";
import { createDecompress } from "./decompress.ts";
import type { Encoding, Format } from "./media.ts";
import { createMemoryBudget } from "./memory.ts";
import { createOccasionalLog, type Log } from "./occasional-log.ts";
import { createReceiverStats, type ReceiverStats } from "./receiver-stats.ts";
import { AbortedError, Refusal } from "./refusal.ts";

const MiB = 1024 * 1024;
/** Memory of bodies kept for the next ones. */
const POOL_BYTES = 128 * MiB;

export interface IntakeOptions {
  /** Takes responsibility for the request when it resolves. Keeps `body`; nobody changes it afterwards. */
  consume: (request: AcceptedRequest) => Promise<AppendOutcome>;
  /** Asked before a body is read: why nothing is taken now. */
  admit: () => RefusedError | undefined;
  /** Largest body, as sent and inflated. */
  maxBodyBytes: number;
  /**
   * Largest sum of all bodies in flight.
   * @default a quarter of the memory there is, at most 512 MiB, at least two largest bodies
   */
  maxBytesInFlight?: number;
  /** Whose body hashes these are, the same over restarts: the log's id. */
  hashName: string;
  log: Log;
}

export interface Intake {
  /** @param transport how the log names it */
  open(transport: "HTTP" | "gRPC"): Entrance;
}

/** What the head of a request says about its body. */
export interface BodyKind {
  signal: Signal;
  format: Format;
  encoding: Encoding;
}

interface Entrance {
  readonly maxBodyBytes: number;
  readonly counts: ReceiverStats;
  /** A request begins: the memory it may take. Give it back with `end`. */
  begin(): BodyLimits;
  end(limits: BodyLimits): void;
  /** Decides from the head alone. @throws Refusal when nothing is taken now, or not of this size */
  admit(announcedBytes: number): void;
  /** Takes a complete body as sent, and resolves when the next stage has it. */
  take(kind: BodyKind, sent: Buffer, limits: BodyLimits): Promise<PartialSuccess | undefined>;
  /** Counts and logs why a request failed. Undefined when nobody is there to be told. */
  refuse(error: unknown): Refusal | undefined;
  /** From now on everything is refused. */
  close(): void;
  readonly closed: boolean;
  /** Says something that may happen often. */
  say(kind: string, level: "info" | "warn" | "error", message: string): void;
  stats(): ReceiverStats;
}

export function createIntake(options: IntakeOptions): Intake {
  const { consume, admit, maxBodyBytes } = options;
  const budget = createMemoryBudget(options.maxBytesInFlight ?? defaultBytesInFlight(maxBodyBytes));
  const pool = createBodyPool(POOL_BYTES);
  const hashOf = createBodyHash(options.hashName);
  const decompress = createDecompress();
  const occasionally = createOccasionalLog(options.log);

  /** The same bytes are another request as logs than as traces. */
  function hashOfBody(signal: Signal, sent: Buffer): Buffer {
    const bodyHash = hashOf(sent);
    if (signal === "logs") bodyHash[0]! ^= 1;
    return bodyHash;
  }

  function open(transport: "HTTP" | "gRPC"): Entrance {
    const counts = createReceiverStats();
    let closed = false;

    async function store(request: AcceptedRequest): Promise<void> {
      const count = request.spanCount - request.rejected.length;
      const counters = COUNTERS[request.signal];
      try {
        if ((await consume(request)) === "duplicate") counts.duplicateRequests++;
      } catch (error) {
        if (error instanceof RefusedError) counts[counters.refused] += count;
        else if (!(error instanceof PermanentError)) counts[counters.failed] += count;
        throw error;
      }
    }

    async function take(
      kind: BodyKind,
      sent: Buffer,
      limits: BodyLimits,
    ): Promise<PartialSuccess | undefined> {
      counts.receivedBytes += sent.length;
      let plain = sent;
      if (kind.encoding !== "identity" && sent.length > 0) {
        plain = await decompress(kind.encoding, sent, limits);
        counts.inflatedBytes += plain.length;
      }
      const { signal } = kind;
      const { body, count, rejected, leftOut, partial } = decode(kind, plain, limits);
      const accepted = count - rejected.length;
      if (accepted > 0) {
        await store({
          signal,
          body,
          spanCount: count,
          rejected,
          receivedAtUnixMs: Date.now(),
          bodyHash: hashOfBody(signal, sent),
          free: limits.handOver(body),
        });
      }
      counts.acceptedRequests++;
      counts[COUNTERS[signal].accepted] += accepted;
      counts[COUNTERS[signal].rejected] += rejected.length + leftOut;
      if (partial !== undefined) {
        counts.warnedRequests++;
        say("partial", "warn", `OTLP request taken in part: ${partial.message}`);
      }
      return partial;
    }

    function refuse(error: unknown): Refusal | undefined {
      if (error instanceof AbortedError) {
        counts.abortedRequests++;
        return undefined;
      }
      const refusal = asRefusal(error);
      counts.refusedRequests[refusal.reason] = (counts.refusedRequests[refusal.reason] ?? 0) + 1;
      if (refusal.reason === "failed") {
        const cause = refusal.cause instanceof Error ? refusal.cause.stack : String(refusal.cause);
        say("failed", "error", `OTLP request failed, its content is lost: ${cause}`);
      } else {
        const answered = transport === "HTTP" ? refusal.httpStatus : `gRPC ${refusal.rpcCode}`;
        say(refusal.reason, "warn", `OTLP request answered ${answered}: ${refusal.message}`);
      }
      return refusal;
    }

    function say(kind: string, level: "info" | "warn" | "error", message: string): void {
      occasionally.say(`${transport} ${kind}`, level, message);
    }

    return {
      maxBodyBytes,
      counts,
      begin() {
        counts.requestsInFlight++;
        return createBodyLimits(maxBodyBytes, budget.reserve(), pool);
      },
      end(limits) {
        limits.end();
        counts.requestsInFlight--;
      },
      admit(announcedBytes) {
        if (closed) throw new Refusal("stopping", "the collector is stopping, try again");
        const refused = admit();
        if (refused !== undefined) throw overload(refused);
        if (!budget.hasRoom(announcedBytes)) throw noMemory();
      },
      take,
      refuse,
      close() {
        closed = true;
      },
      get closed() {
        return closed;
      },
      say,
      stats: () => ({
        ...counts,
        refusedRequests: { ...counts.refusedRequests },
        bytesInFlight: budget.taken,
        bytesInFlightCapacity: budget.capacity,
      }),
    };
  }

  return { open };
}

/** What is counted of each signal. */
const COUNTERS = {
  traces: {
    accepted: "acceptedSpans",
    rejected: "rejectedSpans",
    refused: "refusedSpans",
    failed: "failedSpans",
  },
  logs: {
    accepted: "acceptedLogRecords",
    rejected: "rejectedLogRecords",
    refused: "refusedLogRecords",
    failed: "failedLogRecords",
  },
} as const satisfies Record<Signal, Record<string, keyof ReceiverStats>>;

function overload(refused: RefusedError): Refusal {
  const { message, retryAfterSeconds } = refused;
  return new Refusal("overload", message, {}, { cause: refused, retryAfterSeconds });
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof RefusedError) return overload(error);
  if (error instanceof PermanentError)
    return new Refusal("malformed", error.message, {}, { cause: error });
  return new Refusal("failed", "internal error of the collector", {}, { cause: error });
}

function defaultBytesInFlight(maxBodyBytes: number): number {
  const memory = Math.min(process.constrainedMemory() || Infinity, totalmem());
  return Math.max(Math.min(memory / 4, 512 * MiB), 2 * maxBodyBytes);
}
