/**
 * Requests that are almost right: valid OTLP, protobuf or JSON, changed in a way that its structure makes dangerous.
 * All of it depends on the seed alone.
 */
import { SpanBodies } from "../load/span-body.ts";

export interface FuzzedRequest {
  name: string;
  contentType: "application/x-protobuf" | "application/json";
  body: Buffer;
}

/** Numbers in [0, 1) that look random: mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

type Mutation = (body: Buffer, random: () => number) => Buffer;

const at = (body: Buffer, random: () => number): number => Math.floor(random() * body.length);

/** Bytes that are special somewhere: ends of varints, tags of every wire type, quotes and brackets. */
const SPECIAL = [
  0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a, 0x0b, 0x0c, 0x0d, 0x12, 0x85, 0x22, 0x5c, 0x5b, 0x7b, 0x2c,
];

const mutations: Record<string, Mutation> = {
  "flipped bits": (body, random) => {
    for (let n = 1 + random() * 8; n > 0; n--) {
      const i = at(body, random);
      body[i] = body[i]! ^ (1 << (random() * 8));
    }
    return body;
  },
  "special bytes": (body, random) => {
    for (let n = 1 + random() * 4; n > 0; n--)
      body[at(body, random)] = SPECIAL[Math.floor(random() * SPECIAL.length)]!;
    return body;
  },
  "edited length": (body, random) => {
    const i = body.indexOf(random() < 0.5 ? 0x0a : 0x12, at(body, random));
    if (i >= 0 && i + 1 < body.length) body[i + 1] = Math.floor(random() * 256);
    return body;
  },
  "huge length": (body, random) => {
    const i = at(body, random);
    return Buffer.concat([
      body.subarray(0, i),
      Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
      body.subarray(i),
    ]);
  },
  "swapped tags": (body, random) => {
    for (let n = 0; n < 4; n++) {
      const i = body.indexOf(
        [0x0a, 0x12, 0x1a, 0x22, 0x4a][Math.floor(random() * 5)]!,
        at(body, random),
      );
      if (i >= 0) body[i] = (1 + Math.floor(random() * 20)) * 8 + Math.floor(random() * 8);
    }
    return body;
  },
  spliced: (body, random) => {
    const from = at(body, random);
    const piece = body.subarray(from, from + Math.floor(random() * 400));
    const i = at(body, random);
    return Buffer.concat([
      body.subarray(0, i),
      piece,
      body.subarray(i + (random() < 0.5 ? piece.length : 0)),
    ]);
  },
  "cut short": (body, random) => body.subarray(0, at(body, random)),
  "cut out": (body, random) => {
    const i = at(body, random);
    return Buffer.concat([body.subarray(0, i), body.subarray(i + 1 + Math.floor(random() * 20))]);
  },
  "nested deeply": (body, random) => {
    const i = at(body, random);
    const levels = Math.floor(random() * 20_000);
    const opening = random() < 0.5 ? "[" : '{"arrayValue":';
    const nest = random() < 0.5 ? Buffer.from(opening.repeat(levels)) : Buffer.alloc(levels, 0x0b);
    return Buffer.concat([body.subarray(0, i), nest, body.subarray(i)]);
  },
  "raw bytes": (_, random) =>
    Buffer.from(Array.from({ length: Math.floor(random() * 2_000) }, () => random() * 256)),
  unchanged: (body) => body,
};

const NAMES = Object.keys(mutations);

/** One to three mutations; may change `sent` itself. */
export function mutate(sent: Buffer, random: () => number): { name: string; body: Buffer } {
  let body = sent;
  const applied: string[] = [];
  for (let times = 1 + Math.floor(random() * 3); times > 0; times--) {
    const name = NAMES[Math.floor(random() * NAMES.length)]!;
    applied.push(name);
    if (body.length > 0) body = Buffer.from(mutations[name]!(body, random));
  }
  return { name: applied.join(", "), body };
}

/** An endless series of requests; `n` is the number of each. Spans of different numbers have different ids. */
export function fuzzedRequests(seed: number): (n: number) => FuzzedRequest {
  const bodies = new SpanBodies({ seed, spansPerTrace: 1, days: 1 }, 2);
  return (n) => {
    const random = seededRandom(seed * 1_000_003 + n);
    const protobuf = Buffer.from(bodies.body(2 * n, BigInt(Date.now()) * 1_000_000n));
    const isJson = random() < 0.4;
    return {
      ...mutate(isJson ? Buffer.from(bodies.json()) : protobuf, random),
      contentType: isJson ? "application/json" : "application/x-protobuf",
    };
  };
}
