/**
 * Whole lines only in each table's deduplication log.
 *
 * MergeTree notes every inserted block in `…/deduplication_logs/deduplication_log_N.txt`. A crash can leave half a
 * line at its end; the engine then loses everything recorded after the tear at the next start, and a repeated
 * insert would be stored twice. So each log is cut to its last whole record before the data is opened.
 */
import fs from "node:fs/promises";
import path from "node:path";

/** operation, part, block id: `1\tall_1_1_0\tall_347…_126…\n`. */
const record = /^\d+\t[^\t\0]+\t[^\t\0]+$/;

/** Returns the files that were cut, with the bytes removed from each. */
export async function trimDeduplicationLogs(
  root: string,
): Promise<{ file: string; bytesCut: number }[]> {
  const cut: { file: string; bytesCut: number }[] = [];
  for await (const file of fs.glob("store/*/*/deduplication_logs/deduplication_log_*.txt", {
    cwd: root,
  })) {
    const bytesCut = await trimFile(path.join(root, file));
    if (bytesCut > 0) cut.push({ file, bytesCut });
  }
  return cut;
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
