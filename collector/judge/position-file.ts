/** Where judging is, over restarts: what is decided, and what waits to be judged. Each write is durable before it returns. */
import * as fs from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import type { Window } from "./records.ts";

const window = z.object({ fromUnixMs: z.number(), toUnixMs: z.number() });
const contents = z.object({
  decidedUnixMs: z.number(),
  deciding: window.optional(),
  waiting: z.array(window),
});

export interface Progress {
  /** It is decided on the traces that had settled by then. */
  decidedUnixMs: number;
  /** Begun and not known to be decided on. */
  deciding?: Window | undefined;
  /** Decided on and not known to be judged, the oldest first. */
  waiting: readonly Window[];
}

/** Undefined: there is no file, or none that can be read. */
export async function readProgress(path: string): Promise<Progress | undefined> {
  const text = await fs.readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return contents.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export async function writeProgress(path: string, progress: Progress): Promise<void> {
  await fs.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.tmp`;
  const file = await fs.open(temporary, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify(progress));
    await file.sync();
  } finally {
    await file.close();
  }
  await fs.rename(temporary, path);
  const folder = await fs.open(dirname(path));
  await folder.sync().finally(() => folder.close());
}
