/** What is open and what is still to be told, over restarts. Each write is durable before it returns. */
import * as fs from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { incidentSchema } from "./incident.ts";

const waiting = z.object({
  id: z.string(),
  channel: z.string(),
  occasion: z.enum(["open", "again", "acknowledged", "resolved"]),
  incident: incidentSchema,
  queuedUnixMs: z.number(),
  attempts: z.number(),
  nextUnixMs: z.number(),
});
/** One message to one channel. */
export type Waiting = z.output<typeof waiting>;

const contents = z.object({ incidents: z.array(incidentSchema), waiting: z.array(waiting) });
export type State = z.output<typeof contents>;

/** Empty where there is no file. @throws where there is one that is not ours */
export async function readState(path: string): Promise<State> {
  const text = await fs.readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? { incidents: [], waiting: [] } : contents.parse(JSON.parse(text));
}

export async function writeState(path: string, state: State): Promise<void> {
  await fs.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.tmp`;
  const file = await fs.open(temporary, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify(state));
    await file.sync();
  } finally {
    await file.close();
  }
  await fs.rename(temporary, path);
  const folder = await fs.open(dirname(path));
  await folder.sync().finally(() => folder.close());
}
