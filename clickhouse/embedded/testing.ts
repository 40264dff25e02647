/** For tests: an embedded server of their own, in a temporary folder and on a free port. */
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { embeddedTarget } from "../client.ts";
import type { ClickHouseTarget } from "../client.ts";
import { startEmbeddedServer } from "./supervisor.ts";
import type { EmbeddedServer } from "./supervisor.ts";

export interface TestEngine {
  /** The writer's. */
  target: ClickHouseTarget;
  readerTarget: ClickHouseTarget;
  dataDir: string;
  server: EmbeddedServer;
  /** What the server logged. */
  logged: string[];
  /** Stops the server and removes the folder. */
  stop(): Promise<void>;
}

/** `dataDir`: a folder of the caller's, which is left in place. */
export async function withEngine(
  options: { dataDir?: string; memoryMb?: number } = {},
): Promise<TestEngine> {
  const dataDir = options.dataDir ?? (await fs.mkdtemp(path.join(os.tmpdir(), "assay-engine-")));
  const logged: string[] = [];
  const server = await startEmbeddedServer({
    dataDir,
    address: { host: "127.0.0.1", port: 0 },
    memoryMb: options.memoryMb ?? 1024,
    log: (level, message) => void logged.push(`${level} ${message}`),
  });
  const { port } = new URL(server.target.url);
  return {
    target: server.target,
    readerTarget: await embeddedTarget(
      dataDir,
      { host: "127.0.0.1", port: Number(port) },
      "reader",
    ),
    dataDir,
    server,
    logged,
    async stop() {
      await server.stop();
      if (options.dataDir === undefined) await fs.rm(dataDir, { recursive: true, force: true });
    },
  };
}
