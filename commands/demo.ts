/** `assay demo`: everything, with an example service, its traffic and a generated history. */
import { printAddresses } from "./addresses.ts";
import { log } from "./log.ts";
import { settings, url } from "./settings.ts";
import { startAll } from "./start.ts";
import { stopRequested } from "./stop-requested.ts";

export async function run(): Promise<void> {
  // History is filed under the day it tells of, not under today.
  process.env["ASSAY_MAX_SPAN_AGE_DAYS"] ??= "30";
  process.env["ASSAY_DATA"] ??= "./data/demo";
  // Little is judged in a demo's minutes: people are asked about all of it.
  process.env["ASSAY_LABEL_SHARE"] ??= "1";
  const { startDemo, startDemoJudge } = await import("../test/demo/demo.ts");
  const judge = await startDemoJudge();
  const running = await startAll(settings());
  const demo = await startDemo({ otlp: url(running.collector.otlp), page: url(running.api), log });
  printAddresses(running.collector, running.api);
  console.log(`\nThe page: ${url(running.api)}\n${demo.notice}\nCtrl-C stops it.`);
  await stopRequested();
  await demo.stop();
  await running.stop();
  await judge.stop();
}
