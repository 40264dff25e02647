import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { openLog } from "./log.ts";
import { request } from "./testing/requests.ts";

const here = import.meta.dirname;

/** Runs a process that appends, kills it after `acks` acknowledgements, and returns what it acknowledged. */
async function appendAndKill(dir: string, first: number, acks: number): Promise<number[]> {
  const child = spawn(
    process.execPath,
    [
      "--import",
      `${here}/testing/drop-unsynced.ts`,
      `${here}/testing/append-forever.ts`,
      dir,
      String(first),
    ],
    {
      env: { ...process.env, ASSAY_DROP_UNSYNCED: dir },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const acknowledged: number[] = [];
  const exited = once(child, "exit");
  for await (const line of createInterface(child.stdout)) {
    if (acknowledged.push(Number(line)) === acks) child.kill("SIGKILL");
  }
  await exited;
  return acknowledged;
}

test("rule 7: kill -9 that loses unsynced writes loses nothing acknowledged", async () => {
  const dir = await fs.mkdtemp(`${os.tmpdir()}/assay-log-`);
  const acknowledged: number[] = [];
  for (let round = 0; round < 4; round++) {
    acknowledged.push(...(await appendAndKill(dir, round * 100_000, 20 + round * 30)));
  }
  const log = await openLog({ dir, maxBytes: 1e9, validatorVersion: 1, log: () => undefined });
  const offered = new Set<string>();
  for (let seq = 1; seq <= log.durableSeq;) {
    const records = await log.read(seq, 1e6);
    for (const { body } of records) offered.add(Buffer.from(body).toString("latin1", 0, 20));
    seq = (records.at(-1)?.seq ?? seq) + 1;
  }
  const missing = acknowledged.filter(
    (n) => !offered.has(Buffer.from(request(n, 1000).body).toString("latin1", 0, 20)),
  );
  expect(acknowledged.length).toBeGreaterThan(200);
  expect(missing).toEqual([]);
  await log.close();
  await fs.rm(dir, { recursive: true });
});

test("a segment that was created and never written does not stand in the way of the next", async () => {
  const dir = await fs.mkdtemp(`${os.tmpdir()}/assay-log-`);
  const options = { dir, maxBytes: 1e9, validatorVersion: 1, log: () => undefined };
  await (await openLog(options)).close();
  await fs.writeFile(`${dir}/00000000000000000001.wal`, "");
  const log = await openLog(options);
  expect(await log.append(request(1, 1000))).toBe("appended");
  await log.close();
  await fs.rm(dir, { recursive: true });
});

test("two processes: the second is refused", async () => {
  const dir = await fs.mkdtemp(`${os.tmpdir()}/assay-log-`);
  const child = spawn(process.execPath, [`${here}/testing/append-forever.ts`, dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const options = { dir, maxBytes: 1e9, validatorVersion: 1, log: () => undefined };
  await expect(openLog(options)).rejects.toThrow(`is open in process ${child.pid}`);
  child.kill("SIGKILL");
  child.stdout.resume();
  await once(child, "exit");
  await (await openLog(options)).close();
  await fs.rm(dir, { recursive: true });
});
