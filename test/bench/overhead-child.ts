/** A process that makes calls through one instrumentation when it is asked to, and says what they cost. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startOtlpCounter } from "./otlp-counter.ts";

const FOLDER = fileURLToPath(new URL("../dialects/", import.meta.url));

export const hasOverheadPackages: boolean = existsSync(`${FOLDER}node_modules/openai`);

export interface Workload {
  content: "off" | "full" | "redacted";
  /** Of the prompt. */
  characters: number;
  stream: boolean;
}

/** Of one round; the first three are CPU time. */
export interface Cost {
  callUs: number;
  totalUs: number;
  /** 0 where it was not watched. */
  longestTurnMs: number;
  heapMiB: number;
}

export interface OverheadChild {
  round(calls: number, watched?: boolean): Promise<Cost>;
  /** What has arrived since the last time. */
  received(): { spans: number; bytes: number };
  stop(): void;
}

export interface ChildOptions {
  flags?: readonly string[];
  env?: Readonly<Record<string, string>>;
}

export async function startOverheadChild(
  name: string,
  { content, characters, stream }: Workload,
  { flags = [], env = {} }: ChildOptions = {},
): Promise<OverheadChild> {
  const counter = await startOtlpCounter();
  const args = [name, content, String(characters), stream ? "stream" : "plain"];
  const child = fork(`${FOLDER}overhead.mjs`, args, {
    execArgv: [...flags],
    env: { ...process.env, ...env, OTLP_URL: counter.url },
  });
  const answer = async (): Promise<unknown> => {
    const ended = new AbortController();
    const lost = once(child, "exit", { signal: ended.signal }).then(([code]) => {
      throw new Error(`the process with ${name} ended with ${String(code)}`);
    });
    try {
      const [message] = (await Promise.race([once(child, "message"), lost])) as [unknown];
      return message;
    } finally {
      ended.abort();
      lost.catch(() => {});
    }
  };
  await answer();
  return {
    round: async (calls, watched = false) => {
      child.send({ calls, watched });
      return (await answer()) as Cost;
    },
    received: () => {
      const { spans, bytes } = counter;
      Object.assign(counter, { spans: 0, bytes: 0 });
      return { spans, bytes };
    },
    stop: () => {
      child.disconnect();
      counter.close();
    },
  };
}
