/** A judge's provider in a process of its own, so that its CPU is not the judge's. Forked: says its url, and on "most" how many calls were under way at once. */
import { startJudgeServer } from "../../collector/judge/testing/judge-server.ts";

const delayMs = Number(process.argv[2] ?? 50);
const server = await startJudgeServer(async () => {
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  return { score: 4 };
});
process.send!({ url: server.url });
process.on("message", () => {
  process.send!({ most: server.mostAtOnce() });
  server.requests.length = 0;
});
process.on("disconnect", () => process.exit());
