/** For tests: a judge in a process of its own, to be killed. `node judge-process.ts '{target, server, dir, now}'` */
import { join } from "node:path";
import { createClickHouse, type ClickHouseTarget } from "@assay/clickhouse";
import { parseJudgeConfig } from "../config.ts";
import { JudgeWorker } from "../worker.ts";

const { target, server, dir, now } = JSON.parse(process.argv[2]!) as {
  target: ClickHouseTarget;
  server: string;
  dir: string;
  now: number;
};
const text = `
providers: { main: { base_url: "${server}" } }
judges: [{ metric: professionalism, provider: main, model: gpt-4o-mini }]
profiles: [{ weights: { professionalism: 1 }, sampling: { rest: 1 } }]
settle_seconds: 60`;
new JudgeWorker({
  config: parseJudgeConfig(text, {}, "judge.yaml"),
  client: createClickHouse(target),
  collectorId: "log-1",
  positionFile: join(dir, "position.json"),
  storedThroughUnixMs: () => now,
  log: () => {},
  now: () => now,
  pollMs: 20,
}).start();
