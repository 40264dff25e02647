/** What lies among the dead letters, for whoever looks into them: notes, bodies, and how to take one out for good. */
import * as fs from "node:fs/promises";
import { isMissing, removeDurably } from "./durable-file.ts";

export interface DeadLetter {
  seq: number;
  signal: "traces" | "logs";
  /** In the body, refused ones included. */
  spanCount: number;
  rejected: readonly number[];
  receivedAtUnixMs: number;
  code: string;
  message: string;
  setAsideAt: string;
  /** Of the body. */
  bytes: number;
}

/** In the order in which they were accepted. */
export async function listDeadLetters(dir: string): Promise<DeadLetter[]> {
  const names = await fs.readdir(dir).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const letters: DeadLetter[] = [];
  for (const name of names) {
    const seq = /^(\d+)\.json$/.exec(name)?.[1];
    if (seq === undefined) continue;
    const note = JSON.parse(await fs.readFile(`${dir}/${name}`, "utf8")) as Omit<
      DeadLetter,
      "bytes"
    >;
    letters.push({ ...note, bytes: (await fs.stat(`${dir}/${seq}.otlp`)).size });
  }
  return letters.sort((a, b) => a.seq - b.seq);
}

export function readDeadLetter(dir: string, { seq }: { seq: number }): Promise<Buffer> {
  return fs.readFile(`${dir}/${seq}.otlp`);
}

/** The note goes first: a body without one is no dead letter, and is removed with the next. */
export async function removeDeadLetter(dir: string, { seq }: { seq: number }): Promise<void> {
  await removeDurably(dir, [`${seq}.json`]);
  await removeDurably(dir, [`${seq}.otlp`]);
}
