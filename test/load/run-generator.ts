/** Runs the generator as a process of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type { LoadReport } from "./generator.ts";

const program = fileURLToPath(new URL("generator.ts", import.meta.url));

export interface RunningLoad {
  child: ChildProcess;
  /** Resolves when everything was sent. */
  report: Promise<LoadReport>;
}

/** `args` as on the command line: `["--spans", "1000"]`. */
export function startLoad(args: readonly string[]): RunningLoad {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return { child, report: readReport(child) };
}

async function readReport(child: ChildProcess): Promise<LoadReport> {
  let output = "";
  child.stdout!.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`the load generator ended with ${code}`);
  return JSON.parse(output) as LoadReport;
}
