/**
 * Sends spans over OTLP/HTTP as fast as they are taken, or at a rate, and says what became of each.
 *
 *   node test/load/generator.ts --url http://127.0.0.1:4318 --spans 100000
 *
 * Options: --batch spans a request (500), --connections (4), --seed (1), --spans-per-trace (1), --days (1),
 * --rate spans a second (0: no limit), --from number of the first span (0), --gzip, --json, --resend after a lost
 * connection (else the request counts as unknown), --record FILE: a line `from count outcome` a request.
 *
 * A process of its own, so that its CPU time is not the collector's. 429 and 503 are sent again after Retry-After.
 * SIGTERM ends it in order. Prints one line of JSON.
 */
import { createWriteStream, type WriteStream } from "node:fs";
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";

import { SpanBodies } from "./span-body.ts";

export type Outcome = "acked" | "refused" | "unknown";

export interface LoadReport {
  acked: number;
  /** Answered with an error that is not to be retried. */
  refused: number;
  /** The connection was lost before the answer. */
  unknown: number;
  /** Requests sent again, for 429, 503 or (with --resend) a lost connection. */
  resent: number;
  seconds: number;
  spansPerSecond: number;
  ackMs: { p50: number; p99: number };
  bytesPerSpan: number;
  cpuSeconds: number;
  peakRssMiB: number;
}

interface Options {
  url: URL;
  spans: number;
  batch: number;
  connections: number;
  seed: number;
  spansPerTrace: number;
  days: number;
  rate: number;
  from: number;
  gzip: boolean;
  json: boolean;
  resend: boolean;
  record: WriteStream | undefined;
}

/** How long to wait after a lost connection, and how long to go on trying. */
const RECONNECT_MS = 50;
const GIVE_UP_MS = 60_000;

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      url: { type: "string", default: "http://127.0.0.1:4318" },
      spans: { type: "string", default: "100000" },
      batch: { type: "string", default: "500" },
      connections: { type: "string", default: "4" },
      seed: { type: "string", default: "1" },
      "spans-per-trace": { type: "string", default: "1" },
      days: { type: "string", default: "1" },
      rate: { type: "string", default: "0" },
      from: { type: "string", default: "0" },
      gzip: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      resend: { type: "boolean", default: false },
      record: { type: "string" },
    },
  });
  return {
    url: new URL("/v1/traces", values.url),
    spans: Number(values.spans),
    batch: Number(values.batch),
    connections: Number(values.connections),
    seed: Number(values.seed),
    spansPerTrace: Number(values["spans-per-trace"]),
    days: Number(values.days),
    rate: Number(values.rate),
    from: Number(values.from),
    gzip: values.gzip,
    json: values.json,
    resend: values.resend,
    record:
      values.record === undefined ? undefined : createWriteStream(values.record, { flags: "a" }),
  };
}

class Load {
  readonly counts = { acked: 0, refused: 0, unknown: 0, resent: 0, bytes: 0 };
  readonly ackMs: number[] = [];
  readonly #options: Options;
  readonly #agent: Agent;
  readonly #start = performance.now();
  #next = 0;
  #stopped = false;

  constructor(options: Options) {
    this.#options = options;
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections });
  }

  stop(): void {
    this.#stopped = true;
  }

  async run(): Promise<LoadReport> {
    await Promise.all(Array.from({ length: this.#options.connections }, () => this.#send()));
    this.#agent.destroy();
    const seconds = (performance.now() - this.#start) / 1000;
    const { acked, refused, unknown, resent, bytes } = this.counts;
    const usage = process.resourceUsage();
    const sorted = this.ackMs.sort((a, b) => a - b);
    const percentile = (p: number): number =>
      Number((sorted[Math.floor(sorted.length * p)] ?? 0).toFixed(1));
    return {
      acked,
      refused,
      unknown,
      resent,
      seconds: Number(seconds.toFixed(2)),
      spansPerSecond: Math.round(acked / seconds),
      ackMs: { p50: percentile(0.5), p99: percentile(0.99) },
      bytesPerSpan: Math.round(bytes / Math.max(1, acked + refused + unknown)),
      cpuSeconds: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
      peakRssMiB: Math.round(usage.maxRSS / 1024),
    };
  }

  /** One connection: a request after the other. */
  async #send(): Promise<void> {
    const { batch, spans, from, rate } = this.#options;
    const bodies = new SpanBodies(this.#options, batch);
    while (this.#next < spans && !this.#stopped) {
      const first = from + this.#next;
      this.#next += batch;
      if (rate > 0) await this.#pace(first - from, rate);
      const outcome = await this.#deliver(this.#encode(bodies, first));
      this.counts[outcome] += batch;
      this.#options.record?.write(`${first} ${batch} ${outcome}\n`);
    }
  }

  async #pace(sent: number, rate: number): Promise<void> {
    const wait = (sent / rate) * 1000 - (performance.now() - this.#start);
    if (wait > 0) await delay(wait);
  }

  #encode(bodies: SpanBodies, first: number): Buffer {
    const { json, gzip } = this.#options;
    const protobuf = bodies.body(first, BigInt(Date.now()) * 1_000_000n);
    const body = json ? Buffer.from(bodies.json()) : protobuf;
    const sent = gzip ? gzipSync(body, { level: 1 }) : body;
    this.counts.bytes += sent.length;
    return sent;
  }

  async #deliver(body: Buffer): Promise<Outcome> {
    const start = performance.now();
    while (performance.now() - start < GIVE_UP_MS) {
      const answer = await this.#post(body).catch(() => undefined);
      if (answer === undefined) {
        if (!this.#options.resend) {
          await delay(RECONNECT_MS); // no storm against a closed port
          return "unknown";
        }
        await delay(RECONNECT_MS);
      } else if (answer.status === 200) {
        this.ackMs.push(performance.now() - start);
        return "acked";
      } else if (answer.status !== 429 && answer.status !== 503) return "refused";
      else await delay(answer.retryAfterMs);
      this.counts.resent++;
    }
    return "unknown";
  }

  #post(body: Buffer): Promise<{ status: number; retryAfterMs: number }> {
    const { url, json, gzip } = this.#options;
    const headers = {
      "content-type": json ? "application/json" : "application/x-protobuf",
      "content-length": body.length,
      ...(gzip ? { "content-encoding": "gzip" } : {}),
    };
    return new Promise((resolve, reject) => {
      const sent = request(url, { method: "POST", headers, agent: this.#agent }, (response) => {
        response.resume();
        response.once("error", reject);
        response.once("end", () => {
          const retryAfter = Number(response.headers["retry-after"] ?? 1);
          resolve({ status: response.statusCode ?? 0, retryAfterMs: retryAfter * 1000 });
        });
      });
      sent.once("error", reject);
      sent.end(body);
    });
  }
}

const options = readOptions();
const load = new Load(options);
process.once("SIGTERM", () => load.stop());
const report = await load.run();
if (options.record) await new Promise<void>((resolve) => options.record!.end(resolve));
console.log(JSON.stringify(report));
