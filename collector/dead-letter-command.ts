/**
 * `assay dead-letters list | show <seq> | replay <seq>|all | drop <seq>|all`: requests that ClickHouse or the encoder did
 * not take, by the number of their record.
 *
 * `replay` sends the original bytes to the running collector and removes the letter only after its 200: from then on
 * they are in its log. They go as gzip with a header of their own, because a body equal to one of the last ten minutes
 * would be taken for a resend and not be stored; the same letter sent twice is one. A request that is refused again
 * comes back as another dead letter. `show` leaves the contents (prompts, answers) out unless told `--content`.
 */
import { join } from "node:path";
import { crc32, gzipSync } from "node:zlib";
import type { Address } from "@assay/clickhouse";
import {
  listDeadLetters,
  readDeadLetter,
  removeDeadLetter,
  type DeadLetter,
} from "./insert/dead-letter-files.ts";

const USAGE =
  "expected: dead-letters list | show <number> [--content] | replay <number>|all | drop <number>|all";
const REPLAY_MS = 30_000;
const GZIP_MTIME_OFFSET = 4;

export interface DeadLetterCommandOptions {
  /** ASSAY_DATA. */
  dataDir: string;
  /** Where the collector listens. */
  otlp: Address;
  print: (line: string) => void;
}

/** @throws with a sentence for the user */
export async function runDeadLetterCommand(
  args: readonly string[],
  { dataDir, otlp, print }: DeadLetterCommandOptions,
): Promise<void> {
  const dir = join(dataDir, "insert", "dead-letters");
  const [action = "list", which, ...rest] = args;
  const letters = await listDeadLetters(dir);
  if (action === "list" && which === undefined) return list(letters, print);
  if (which === undefined || !["show", "replay", "drop"].includes(action)) throw new Error(USAGE);
  if (rest.length > (action === "show" ? 1 : 0)) throw new Error(USAGE);
  for (const letter of chosen(letters, which)) {
    if (action === "show") await show(dir, letter, rest[0] === "--content", print);
    if (action === "replay") await replay(dir, letter, otlp);
    if (action !== "show") await removeDeadLetter(dir, letter);
    if (action === "replay") print(`${letter.seq} is in the collector's log again`);
    if (action === "drop") print(`${letter.seq} is dropped, ${acceptedOf(letter)} spans are lost`);
  }
}

function chosen(letters: readonly DeadLetter[], which: string): readonly DeadLetter[] {
  if (which === "all") return letters;
  const found = letters.filter(({ seq }) => String(seq) === which);
  if (found.length > 0) return found;
  const known = letters.map(({ seq }) => seq).join(", ") || "none";
  throw new Error(`expected the number of a dead letter (${known}), got "${which}"`);
}

function acceptedOf({ spanCount, rejected }: DeadLetter): number {
  return spanCount - rejected.length;
}

function list(letters: readonly DeadLetter[], print: (line: string) => void): void {
  if (letters.length === 0) return print("no dead letters");
  for (const letter of letters) {
    const reason = `${letter.code} ${oneLine(letter.message, 120)}`;
    print(
      `${letter.seq}  ${letter.setAsideAt}  ${acceptedOf(letter)} spans  ${letter.bytes} bytes  ${reason}`,
    );
  }
}

async function show(
  dir: string,
  letter: DeadLetter,
  withContent: boolean,
  print: (line: string) => void,
): Promise<void> {
  print(JSON.stringify(letter, null, 2));
  if (!withContent) return print("(--content shows the readable parts of the request)");
  const body = await readDeadLetter(dir, letter);
  for (const text of readableParts(body)) print(text);
}

/** Text in the body, whatever its structure: it may be what is wrong with it. */
function readableParts(body: Buffer): string[] {
  const parts = body.toString("utf8").match(/[^\p{C}\uFFFD]{4,}/gu);
  return parts ?? [];
}

/** Control characters of somebody else's text stay out of the terminal. */
function oneLine(text: string, length: number): string {
  return text.replace(/\p{C}+/gu, " ").slice(0, length);
}

/** Resolves when the collector has taken responsibility. */
async function replay(dir: string, letter: DeadLetter, { host, port }: Address): Promise<void> {
  const body = gzipSync(await readDeadLetter(dir, letter));
  body.writeUInt32LE(crc32(`${letter.seq} ${letter.setAsideAt}`), GZIP_MTIME_OFFSET);
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}/v1/${letter.signal}`;
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/x-protobuf", "content-encoding": "gzip" },
    body: new Uint8Array(body),
    signal: AbortSignal.timeout(REPLAY_MS),
  }).catch((cause: unknown) => {
    const why = `${letter.seq} stays a dead letter: no collector answers at ${url}; start it first`;
    throw new Error(why, { cause });
  });
  const answer = await response.arrayBuffer();
  if (response.status === 200) return; // with a note in it, perhaps: spans refused then are refused now
  throw new Error(
    `${letter.seq} stays a dead letter: the collector answered ${response.status} ${oneLine(Buffer.from(answer).toString("latin1"), 200)}`,
  );
}
