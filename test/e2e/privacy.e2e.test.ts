/**
 * Planted secrets through a real collector: afterwards no file of its data folder, no row of the store and no line that it
 * printed holds one of them.
 */
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  body,
  int,
  keyValue,
  logRecord,
  message,
  ofSpan,
  request,
  SPAN_ID,
  text,
} from "../../collector/otlp/testing.ts";
import { PLANTED, requestWith } from "../../collector/redact/testing.ts";
import { assayEnv, removeData, startAssay, until, type RunningAssay } from "../processes.ts";

const PRIVACY = `
redact:
  detect: { email: hash, card: remove }
  patterns:
    - { name: customer, pattern: 'CUST-\\d{8}' }
  attributes: { hash: [user.id] }
sample: { keep: 0.25 }
`;
const CUSTOMER = "CUST-12345678";
const USER = "user-of-the-test";
const SECRETS = [...PLANTED.map(([secret]) => secret.split("\n")[0]!), CUSTOMER, USER];

let assay: RunningAssay;

async function send(signal: "traces" | "logs", sent: Uint8Array, headers = {}): Promise<number> {
  const response = await fetch(`${assay.otlp}/v1/${signal}`, {
    method: "POST",
    headers: { "content-type": "application/x-protobuf", ...headers },
    body: new Uint8Array(sent),
  });
  await response.arrayBuffer();
  return response.status;
}

async function rows(query: string): Promise<string> {
  const response = await fetch(`${assay.clickhouse}/?database=assay`, {
    method: "POST",
    headers: { "X-ClickHouse-User": "reader" },
    body: query,
  });
  return await response.text();
}

/** Every file of the data folder, with what it holds. */
async function files(): Promise<[name: string, content: Buffer][]> {
  const entries = await readdir(assay.dataDir, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const read = names.map(async (name): Promise<[string, Buffer]> => {
    // Files come and go while the collector and the engine work.
    return [name, await readFile(name).catch(() => Buffer.alloc(0))];
  });
  return await Promise.all(read);
}

const secretsIn = (content: Buffer): string[] =>
  SECRETS.filter((secret) => content.includes(secret));

async function expectNoSecretInFiles(): Promise<void> {
  const found = (await files()).flatMap(([name, content]) =>
    secretsIn(content).map((secret) => `${secret} in ${name}`),
  );
  expect(found).toEqual([]);
}

beforeAll(async () => {
  const env = await assayEnv({ ASSAY_REDACT_KEY: "0123456789abcdef0123456789abcdef" });
  const file = join(env["ASSAY_DATA"]!, "..", `privacy-${process.pid}.yaml`);
  await writeFile(file, PRIVACY);
  assay = await startAssay("start", { ...env, ASSAY_PRIVACY: file });
});

afterAll(async () => {
  await assay.stop();
  await removeData(assay.env);
  await rm(assay.env["ASSAY_PRIVACY"]!, { force: true });
});

test("no planted secret is written anywhere", async () => {
  const values = [...PLANTED.map(([, , value]) => value), `of ${CUSTOMER} today`];
  for (const [index, value] of values.entries()) {
    // Redacted, some are the same: with one id they would be one span that came again.
    const sent = body(requestWith(value, Buffer.alloc(8, index + 1)));
    const gzipped = index % 2 === 1;
    expect(
      await send(
        "traces",
        gzipped ? gzipSync(sent) : sent,
        gzipped ? { "content-encoding": "gzip" } : {},
      ),
    ).toBe(200);
  }
  const model = body(
    message(
      1,
      message(
        2,
        message(
          2,
          text(1, Buffer.alloc(16, 9)),
          text(2, SPAN_ID),
          keyValue(9, "gen_ai.operation.name", text(1, "chat")),
          keyValue(9, "user.id", text(1, USER)),
        ),
      ),
    ),
  );
  expect(await send("traces", model)).toBe(200);
  // The same secrets in log events, and in lines that are not kept.
  const events = values.flatMap((value) => [
    logRecord(ofSpan, text(12, "gen_ai.user.message"), message(5, text(1, value))),
    logRecord(
      ofSpan,
      text(12, "gen_ai.evaluation.result"),
      keyValue(6, "gen_ai.evaluation.name", text(1, "Relevance")),
      keyValue(6, "gen_ai.evaluation.explanation", text(1, value)),
      keyValue(6, "user.id", text(1, USER)),
    ),
    logRecord(message(5, text(1, value))),
  ]);
  expect(await send("logs", request(...events))).toBe(200);
  // The log holds the requests as they came, but for the secrets.
  const logFiles = (await files()).filter(([name]) => name.startsWith(join(assay.dataDir, "log")));
  expect(logFiles.some(([, content]) => content.includes("unknown field"))).toBe(true);
  await expectNoSecretInFiles();

  await until(
    () => rows("SELECT count() FROM spans"),
    (count) => Number(count) === values.length + 1,
  );
  await until(
    () => rows("SELECT count() FROM evaluations"),
    (count) => Number(count) === values.length,
  );
  const stored = Buffer.from(
    (await rows("SELECT * FROM spans FORMAT JSONEachRow")) +
      (await rows("SELECT * FROM span_content FORMAT JSONEachRow")) +
      (await rows("SELECT * FROM evaluations FORMAT JSONEachRow")),
  );
  expect(secretsIn(stored)).toEqual([]);
  const said = stored.toString();
  expect(said).toMatch(/\[email:[0-9a-f]{24}\]/);
  expect(said).toMatch(/\[hidden:[0-9a-f]{24}\]/);
  for (const marker of ["[phone]", "[iban]", "[key]", "[password]", "[customer]"]) {
    expect(said).toContain(marker);
  }
  expect(said).toContain("assay.content.redactions");
  await expectNoSecretInFiles();
  expect(secretsIn(Buffer.from(assay.output()))).toEqual([]);
});

test("traces without a model call are left out by their id, and acknowledged", async () => {
  const before = Number(await rows("SELECT count() FROM spans"));
  const plain = (byte: number): Uint8Array =>
    request(
      message(2, text(1, Buffer.alloc(16, byte)), text(2, SPAN_ID), text(5, "GET /"), int(6, 2)),
    );
  expect(await send("traces", plain(0x10))).toBe(200);
  expect(await send("traces", plain(0xf0))).toBe(200);
  await until(
    () => rows("SELECT count() FROM spans"),
    (count) => Number(count) === before + 1,
  );
  expect(await rows("SELECT trace_state FROM spans WHERE name = 'GET /'")).toBe("ot=th:c\n");
});
