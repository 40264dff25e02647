import * as fs from "node:fs/promises";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runDeadLetterCommand } from "./dead-letter-command.ts";
import { DeadLetters } from "./insert/dead-letters.ts";

const BODY = Buffer.from("a request with a prompt");
let dataDir: string;
let status: number;
let received: Buffer[];
let collector: http.Server;

beforeEach(async () => {
  dataDir = await fs.mkdtemp(`${os.tmpdir()}/assay-letters-`);
  await fs.mkdir(`${dataDir}/insert`);
  const letters = new DeadLetters(`${dataDir}/insert/dead-letters`, 1_000);
  for (const seq of [7, 12])
    await letters.add(record(seq), { code: "27", message: "cannot\nparse" });
  status = 200;
  received = [];
  collector = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received.push(Buffer.concat(chunks));
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  collector.closeAllConnections();
  collector.close();
  await fs.rm(dataDir, { recursive: true });
});

function record(seq: number) {
  const facts = { signal: "traces" as const, spanCount: 3, rejected: [1], receivedAtUnixMs: 1_000 };
  return { seq, body: BODY, ...facts };
}

async function run(...args: string[]): Promise<string[]> {
  const lines: string[] = [];
  const { port } = collector.address() as AddressInfo;
  await runDeadLetterCommand(args, {
    dataDir,
    otlp: { host: "127.0.0.1", port },
    print: (line) => lines.push(line),
  });
  return lines;
}

test("list says when, how many and why, in one line each", async () => {
  const lines = await run("list");
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^7 {2}\S+Z {2}2 spans {2}23 bytes {2}27 cannot parse$/);
});

test("show hides the contents unless told otherwise", async () => {
  expect((await run("show", "7")).join("\n")).not.toContain("prompt");
  expect((await run("show", "7", "--content")).join("\n")).toContain("a request with a prompt");
});

test("replay sends the original bytes, never equal to another body, and removes what was taken", async () => {
  await run("replay", "all");
  expect(received.map((body) => gunzipSync(body))).toEqual([BODY, BODY]);
  expect(received[0]!.equals(received[1]!)).toBe(false);
  expect(await run("list")).toEqual(["no dead letters"]);
});

test("replay keeps what was not taken", async () => {
  status = 503;
  await expect(run("replay", "7")).rejects.toThrow(
    "7 stays a dead letter: the collector answered 503",
  );
  collector.closeAllConnections();
  await new Promise((resolve) => collector.close(resolve));
  const gone = runDeadLetterCommand(["replay", "7"], {
    dataDir,
    otlp: { host: "127.0.0.1", port: 1 },
    print: () => {},
  });
  await expect(gone).rejects.toThrow("7 stays a dead letter: no collector answers");
  expect(await fs.readdir(`${dataDir}/insert/dead-letters`)).toHaveLength(4);
});

test("drop removes one, and says what is lost", async () => {
  expect(await run("drop", "12")).toEqual(["12 is dropped, 2 spans are lost"]);
  expect(await run("list")).toHaveLength(1);
  await expect(run("drop", "99")).rejects.toThrow(
    'expected the number of a dead letter (7), got "99"',
  );
  await expect(run("burn", "7")).rejects.toThrow("expected: dead-letters list");
});

test("the folder is bounded, sees what was removed, and counts a letter once", async () => {
  const letters = new DeadLetters(`${dataDir}/insert/dead-letters`, 800);
  const reason = { code: "27", message: "m" };
  let seq = 100;
  while (await letters.add(record(seq), reason)) seq++;
  expect(letters.records).toBe(seq - 100);
  await run("drop", "all");
  expect(await letters.add(record(seq), reason)).toBe(true);
  const { records } = letters;
  expect(await letters.add(record(seq), reason)).toBe(true);
  expect(letters.records).toBe(records);
});
