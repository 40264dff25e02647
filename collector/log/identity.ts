/**
 * Who a log is. Deduplication tokens are made of the log's id and sequence numbers, so two logs with one id would give
 * different rows the same token, and ClickHouse would throw the later ones away without a word.
 *
 * The file `id` holds the random id and what the directory looked like to the file system when it was created: inode
 * and time of birth. Both change when a directory is copied, restored or cloned file by file, and stay over restarts,
 * reboots and container updates. (The device number is left out: it changes at a reboot or a remount on many systems.)
 * A copy of the whole volume, block by block, cannot be told from the original here.
 *
 * A log that is found in another directory is refused. Adopting it gives it a new id: what has not been planned yet is
 * sent under tokens that nobody has used.
 */
import { randomUUID } from "node:crypto";
import { readWhole, replaceFile, type LogFs } from "./log-fs.ts";

const ID_FILE = "id";
const ADOPT_FILE = "adopt";

interface Identity {
  id: string;
  directory: string;
}

/** Reads the log's id, or makes one for a new log. `names` are the directory's entries. */
export async function identify(fs: LogFs, dir: string, names: readonly string[]): Promise<string> {
  const directory = await fs.identity(dir);
  const hasSegments = names.some((name) => name.endsWith(".wal"));
  if (names.includes(ADOPT_FILE)) return adopt(fs, dir, directory);
  if (!names.includes(ID_FILE)) {
    if (hasSegments) throw new Error(explain(dir, "it has segments but no id file"));
    return create(fs, dir, directory);
  }
  const identity = parse(await readWhole(fs, `${dir}/${ID_FILE}`), dir);
  if (identity.directory !== directory) {
    const why = `expected directory "${identity.directory}" (inode/time of birth), got "${directory}"`;
    throw new Error(explain(dir, why));
  }
  return identity.id;
}

async function create(fs: LogFs, dir: string, directory: string): Promise<string> {
  const id = randomUUID();
  await replaceFile(fs, dir, ID_FILE, Buffer.from(`${JSON.stringify({ id, directory })}\n`));
  return id;
}

async function adopt(fs: LogFs, dir: string, directory: string): Promise<string> {
  const id = await create(fs, dir, directory);
  await fs.remove(`${dir}/${ADOPT_FILE}`);
  await fs.syncDirectory(dir);
  return id;
}

function parse(bytes: Buffer, dir: string): Identity {
  try {
    const { id, directory } = JSON.parse(bytes.toString()) as Partial<Identity>;
    if (typeof id === "string" && id.length === 36 && typeof directory === "string") {
      return { id, directory };
    }
  } catch {
    // Not JSON: reported below like any other content.
  }
  throw new Error(explain(dir, `its id file is damaged: "${bytes.toString("latin1", 0, 100)}"`));
}

function explain(dir: string, why: string): string {
  return (
    `the log in "${dir}" was not created here: ${why}. ` +
    "Two logs with one id lose spans, so it is not opened. " +
    "If the original is gone or empty and this one is to go on, stop the original for good, " +
    `create the empty file "${dir}/${ADOPT_FILE}" and start again: the log gets a new id. ` +
    "Spans that the original has sent since the copy was made are then stored twice."
  );
}
