/**
 * Makes each table's deduplication log true before the data is opened.
 *
 * MergeTree notes every inserted block in `…/deduplication_logs/deduplication_log_N.txt`. A crash can leave two lies:
 *
 * - Half a line at the end. The engine then loses everything recorded after the tear at the next start, and a repeated
 *   insert would be stored twice. So each log is cut to its last whole record.
 * - A record without its part. The engine writes the record first and gives the part its name afterwards, so a process
 *   killed between the two remembers a block that it does not have, and would drop the repeated insert: acknowledged
 *   rows lost. So each record whose part no folder holds, by name or merged into a larger one, is taken back.
 *
 * Taking back a record whose part was dropped on purpose (retention) does no harm: such a block is not sent again.
 */
import fs from "node:fs/promises";
import path from "node:path";

const ADD = "1";
const DROP = "2";

/** operation, part, block id: `1\tall_1_1_0\tall_347…_126…\n`. */
const record = /^\d+\t[^\t\0]+\t[^\t\0]+$/;

/** partition, first block, last block, level, version of the last mutation. */
const partName = /^([^_]+)_(\d+)_(\d+)_\d+(?:_\d+)?$/;

export interface LogRepair {
  /** The table's `deduplication_logs` folder, relative to the engine's. */
  folder: string;
  /** Of torn records. */
  bytesCut: number;
  /** Records whose part does not exist. */
  recordsTakenBack: number;
}

/** Returns the logs that had to be changed. */
export async function repairDeduplicationLogs(root: string): Promise<LogRepair[]> {
  const repairs: LogRepair[] = [];
  for await (const folder of fs.glob("store/*/*/deduplication_logs", { cwd: root })) {
    const logs = path.join(root, folder);
    const files = await logFiles(logs);
    let bytesCut = 0;
    for (const file of files) bytesCut += await trimFile(file);
    const recordsTakenBack = await takeBackPhantoms(files, await partsOf(path.dirname(logs)));
    if (bytesCut > 0 || recordsTakenBack > 0) repairs.push({ folder, bytesCut, recordsTakenBack });
  }
  return repairs;
}

/** In the order in which they were written. */
async function logFiles(folder: string): Promise<string[]> {
  const numbers = (await fs.readdir(folder)).flatMap((name) => {
    const number = /^deduplication_log_(\d+)\.txt$/.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
  return numbers
    .sort((a, b) => a - b)
    .map((number) => path.join(folder, `deduplication_log_${number}.txt`));
}

async function trimFile(file: string): Promise<number> {
  const content = await fs.readFile(file);
  const whole = wholeRecords(content);
  if (whole === content.length) return 0;
  const handle = await fs.open(file, "r+");
  try {
    await handle.truncate(whole);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return content.length - whole;
}

/** Length of the leading part that consists of whole records. */
export function wholeRecords(content: Buffer): number {
  let start = 0;
  for (let end = content.indexOf(10); end !== -1; end = content.indexOf(10, start)) {
    if (!record.test(content.toString("latin1", start, end))) return start;
    start = end + 1;
  }
  return start;
}

interface BlockRange {
  first: number;
  last: number;
}

type Parts = ReadonlyMap<string, readonly BlockRange[]>;

/** The parts that a table's folder holds, by partition. */
async function partsOf(table: string): Promise<Parts> {
  const names = (await fs.readdir(table)).filter((name) => !name.startsWith("tmp"));
  return partsByPartition(names);
}

export function partsByPartition(names: readonly string[]): Parts {
  const parts = new Map<string, BlockRange[]>();
  for (const name of names) {
    const part = parsePart(name);
    if (!part) continue;
    const others = parts.get(part.partition);
    if (others) others.push(part);
    else parts.set(part.partition, [part]);
  }
  return parts;
}

function parsePart(name: string): (BlockRange & { partition: string }) | undefined {
  const [, partition, first, last] = partName.exec(name) ?? [];
  return partition === undefined
    ? undefined
    : { partition, first: Number(first), last: Number(last) };
}

async function takeBackPhantoms(files: readonly string[], parts: Parts): Promise<number> {
  const newest = files.at(-1);
  if (newest === undefined) return 0;
  const texts = await Promise.all(files.map((file) => fs.readFile(file, "latin1")));
  const phantoms = phantomRecords(texts.join(""), parts);
  if (phantoms.length === 0) return 0;
  const lines = phantoms.map(([part, block]) => `${DROP}\t${part}\t${block}\n`);
  const handle = await fs.open(newest, "a");
  try {
    await handle.appendFile(lines.join(""), "latin1");
    await handle.sync();
  } finally {
    await handle.close();
  }
  return phantoms.length;
}

/** Part and block id of each record that stands although no part holds its block. */
export function phantomRecords(log: string, parts: Parts): [part: string, block: string][] {
  const standing = new Map<string, string>();
  for (const line of log.split("\n")) {
    const [operation, part, block] = line.split("\t");
    if (part === undefined || block === undefined) continue;
    if (operation === ADD) standing.set(block, part);
    else standing.delete(block);
  }
  return [...standing].flatMap(([block, part]) => (isHeld(part, parts) ? [] : [[part, block]]));
}

/** A name that is not understood is left alone. */
function isHeld(name: string, parts: Parts): boolean {
  const part = parsePart(name);
  if (!part) return true;
  const others = parts.get(part.partition) ?? [];
  return others.some(({ first, last }) => first <= part.first && part.last <= last);
}
