/** The part of the judges' file about canaries: requests whose answers are compared over time, and sentinels for the judges. */
import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";

const variable = z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) });

const target = z.strictObject({
  provider: z.string(),
  model: z.union([z.string().min(1), variable]),
  temperature: z.number().min(0).max(2).default(0),
  seed: z.number().int().optional(),
  max_tokens: z.number().int().min(1).max(32_000).default(400),
  timeout_ms: z.number().int().min(100).max(600_000).default(60_000),
  usd_per_million_tokens: z
    .strictObject({ input: z.number().min(0), output: z.number().min(0) })
    .optional(),
});

export const canarySection = z.strictObject({
  /** JSON Lines: what is asked. */
  file: z.string().optional(),
  targets: z.array(target).max(20).default([]),
  /** JSON Lines: records whose score is known, for the judges. */
  sentinels: z.string().optional(),
  every_hours: z.number().min(0.01).max(744).default(24),
  /** Of each canary, in a round. */
  runs: z.number().int().min(2).max(50).default(5),
  /** Apart from that of the judges of traffic. */
  usd_per_day: z.number().gt(0).default(1),
  /** The answers are judged by the first profile for `project`. */
  judged: z.boolean().default(false),
  project: z.string().min(1).default("canaries"),
});

export type CanarySection = z.output<typeof canarySection>;

const lineName = z.string().regex(/^[\w .-]{1,200}$/, "expected letters, digits, space, _ . -");

const canaryLine = z.strictObject({
  name: lineName.optional(),
  question: z.string().min(1),
  system: z.string().default(""),
  /** What it answered once: how often does it still? */
  answer: z.string().optional(),
  reference: z.string().optional(),
});

export type Canary = z.output<typeof canaryLine> & { name: string };

const sentinelLine = z.strictObject({
  name: lineName.optional(),
  metric: z.string(),
  question: z.string().optional(),
  answer: z.string(),
  context: z.array(z.string()).optional(),
  reference: z.string().optional(),
  /** What it is worth, from 0 to 1. */
  norm: z.number().min(0).max(1),
});

export type Sentinel = z.output<typeof sentinelLine> & { name: string };

export function readCanaries(path: string | undefined, problems: string[]): Canary[] {
  return linesOf(path, "canaries.file", canaryLine, '{"question": …}', problems);
}

export function readSentinels(path: string | undefined, problems: string[]): Sentinel[] {
  const expected = '{"metric": …, "answer": …, "norm": 0 to 1}';
  return linesOf(path, "canaries.sentinels", sentinelLine, expected, problems);
}

function linesOf<Line extends { name?: string | undefined }>(
  path: string | undefined,
  place: string,
  schema: z.ZodType<Line>,
  expected: string,
  problems: string[],
): (Line & { name: string })[] {
  if (path === undefined) return [];
  if (!existsSync(path)) {
    problems.push(`${place}: cannot read "${path}"`);
    return [];
  }
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap((line, at) => {
      if (line.trim() === "") return [];
      const parsed = schema.safeParse(jsonOf(line));
      if (parsed.success) return [{ ...parsed.data, name: parsed.data.name ?? `line ${at + 1}` }];
      problems.push(`${place}, line ${at + 1}: expected ${expected}`);
      return [];
    });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
