/**
 * An experiment that the demo runs as a user would: forty recorded questions, answered with the handbook's passages and
 * without them. Shown by the page's Experiments.
 */
import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../", import.meta.url));
const RUNS = ["with-passages", "without-passages"];

/** Until the generated history is stored. */
const HISTORY_MS = 10_000;

/** Once for a data folder. @throws (the promise) as the command does, or when `signal` ends it */
export async function runExperiment(dataDir: string, signal: AbortSignal): Promise<void> {
  const marker = join(dataDir, "demo-experiment");
  if (existsSync(marker)) return;
  await sleep(HISTORY_MS, undefined, { signal });
  for (const run of RUNS)
    await promisify(execFile)(process.execPath, argsOf(run), { cwd: root, signal });
  writeFileSync(marker, `${RUNS.join("\n")}\n`);
}

function argsOf(run: string): string[] {
  const folder = "examples/rag/experiment";
  const items = ["--from", "now-14d", "--project", "handbook", "--limit", "40"];
  const model = ["--provider", "main", "--model", "gpt-4o-mini"];
  const texts = ["--prompt", `${folder}/question.txt`, "--system", `${folder}/${run}.txt`];
  return [
    "assay.mjs",
    "experiment",
    "run",
    "retrieval",
    "--run",
    run,
    ...items,
    ...model,
    ...texts,
  ];
}
