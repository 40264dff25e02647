/**
 * Fourteen days of history, so that a new installation has something to show. It is made up (history-scenes.ts says
 * what happened), marked `assay.generated` on each resource, the same for the same seed and time, and posted as OTLP
 * like any service's.
 */
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { readPassages } from "@assay/example-rag/documents.ts";
import { createRetriever } from "@assay/example-rag/retriever.ts";
import { createHandbookScene, digestScene, shopScene, triageScene } from "./history-scenes.ts";
import type { Stage, Timeline } from "./history-scenes.ts";
import { serialize, toExportedSpan } from "./history-spans.ts";
import type { SpanRecord } from "./history-spans.ts";
import { createRandom } from "./random.ts";

export interface HistoryOptions {
  /** OTLP/HTTP, without its path: http://127.0.0.1:4318 */
  endpoint: string;
  /** The history ends here. @default now */
  now?: number;
  /** @default 1 */
  seed?: number;
  /** @default 14 */
  days?: number;
}

export interface SeededHistory {
  spans: number;
  traces: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SPANS_PER_REQUEST = 1_000;
const REQUESTS_IN_FLIGHT = 4;

/** Resolves when the collector has acknowledged all of it. */
export async function seedHistory(options: HistoryOptions): Promise<SeededHistory> {
  const { endpoint, now = Date.now(), seed = 1, days = 14 } = options;
  const seeded: SeededHistory = { spans: 0, traces: 0 };
  const requests = historyRequests({ now, seed, days });
  const url = `${endpoint.replace(/\/$/, "")}/v1/traces`;
  // All take from the one generator: little is in memory at a time.
  const post = async () => {
    for (const request of requests) {
      await postTraces(url, request.body);
      seeded.spans += request.spans;
      seeded.traces += request.traces;
    }
  };
  await Promise.all(Array.from({ length: REQUESTS_IN_FLIGHT }, post));
  return seeded;
}

export interface HistoryRequest extends SeededHistory {
  /** OTLP protobuf. */
  body: Uint8Array;
}

/** Hour by hour, the oldest first. */
export function* historyRequests(options: {
  now: number;
  seed: number;
  days: number;
}): Generator<HistoryRequest> {
  const { now, seed, days } = options;
  let spans: SpanRecord[] = [];
  const stage: Stage = {
    random: createRandom(seed),
    timeline: timelineOf(now),
    // What would end in the future has not happened.
    emit: (span) => void (span.startUnixMs + span.durationMs <= now && spans.push(span)),
  };
  const scenes = createScenes();
  const firstHour = Math.floor((now - days * DAY_MS) / HOUR_MS) * HOUR_MS;
  for (let hour = firstHour; hour < now; hour += HOUR_MS) {
    for (const { play, perHour } of scenes) {
      for (let left = stage.random.count(perHour(new Date(hour))); left > 0; left--) {
        play(stage, hour + stage.random.next() * HOUR_MS);
      }
    }
    while (spans.length >= SPANS_PER_REQUEST) {
      yield toRequest(spans.slice(0, SPANS_PER_REQUEST));
      spans = spans.slice(SPANS_PER_REQUEST);
    }
  }
  if (spans.length > 0) yield toRequest(spans);
}

function toRequest(spans: readonly SpanRecord[]): HistoryRequest {
  // A trace is counted where its root is.
  const traces = spans.filter(({ parentSpanId }) => parentSpanId === undefined).length;
  return { body: serialize(spans.map(toExportedSpan)), spans: spans.length, traces };
}

function timelineOf(now: number): Timeline {
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  const slowDay = today - 3 * DAY_MS;
  return {
    releaseUnixMs: today - 5 * DAY_MS + 10 * HOUR_MS,
    slowFromUnixMs: slowDay + 9 * HOUR_MS,
    slowUntilUnixMs: slowDay + 17 * HOUR_MS,
    modelSwitchUnixMs: today - 8 * DAY_MS + 13 * HOUR_MS,
  };
}

interface Scene {
  play: (stage: Stage, startUnixMs: number) => void;
  /** How many an hour, on average; UTC. */
  perHour: (hour: Date) => number;
}

function createScenes(): Scene[] {
  const documents = fileURLToPath(import.meta.resolve("@assay/example-rag/documents"));
  const playHandbook = createHandbookScene(createRetriever(readPassages(documents), 8));
  return [
    { play: playHandbook, perHour: (hour) => 13 * officeHours(hour) },
    { play: shopScene, perHour: (hour) => 8 * evenings(hour) },
    { play: triageScene, perHour: (hour) => 30 * (0.35 + 0.65 * officeHours(hour)) },
    { play: digestScene, perHour: () => 1 },
  ];
}

/** 0–1: Monday to Friday, highest in the late morning. */
function officeHours(hour: Date): number {
  const day = hour.getUTCDay() === 0 || hour.getUTCDay() === 6 ? 0.25 : 1;
  return day * (0.08 + 0.92 * hill(hour, 11.5, 3.5));
}

/** 0–1: every day, most at the weekend, highest in the evening. */
function evenings(hour: Date): number {
  const day = hour.getUTCDay() === 0 || hour.getUTCDay() === 6 ? 1 : 0.75;
  return day * (0.1 + 0.6 * hill(hour, 12, 3) + 0.9 * hill(hour, 19.5, 2.2));
}

function hill(hour: Date, centre: number, width: number): number {
  return Math.exp(-(((hour.getUTCHours() + 0.5 - centre) / width) ** 2) / 2);
}

const MAX_ATTEMPTS = 30;

/** As exporters do: a refusal is retried when the collector says so, anything else is an error. */
async function postTraces(url: string, body: Uint8Array): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/x-protobuf" },
      body: Uint8Array.from(body),
    });
    const answer = await response.text();
    if (response.ok) return;
    const refused = response.status === 429 || response.status === 503;
    if (!refused || attempt === MAX_ATTEMPTS) {
      throw new Error(
        `${url} answered ${response.status} to generated history: ${answer.slice(0, 200)}`,
      );
    }
    await sleep(Number(response.headers.get("retry-after") ?? 1) * 1000);
  }
}
