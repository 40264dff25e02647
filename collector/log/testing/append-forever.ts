/** For tests that kill it: appends to the log in argv[2] and prints the number of each request that is acknowledged. */
import { writeSync } from "node:fs";
import { openLog } from "../log.ts";
import { request } from "./requests.ts";

const log = await openLog({
  dir: process.argv[2] ?? "",
  maxBytes: 1e9,
  segmentBytes: 20_000,
  validatorVersion: 1,
  log: () => undefined,
});
const first = Number(process.argv[3] ?? 0);
for (let n = first; ; n += 8) {
  const group = Array.from({ length: 8 }, async (_, i) => {
    await log.append(request(n + i, 1000));
    writeSync(1, `${n + i}\n`);
  });
  await Promise.all(group);
}
