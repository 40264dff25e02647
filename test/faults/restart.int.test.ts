/**
 * Restarts in order, under load: nothing that was acknowledged is lost, nothing is stored twice, and no client sees an
 * answer that makes it drop what it has (its connection may close; then it sends the same again).
 */
import { expect, test } from "vitest";

import { assayEnv, removeData, startAssay } from "../processes.ts";
import { expectExactlyOnce, startRecordedLoad, writerOf } from "./oracle.ts";

const RESTARTS = 2;

test("restarts under load: nothing lost, nothing double, nothing refused for good", async () => {
  const env = await assayEnv();
  let assay = await startAssay("collector", env);
  const load = await startRecordedLoad(assay.otlp, 1, [
    "--spans",
    "100000000",
    "--batch",
    "50",
    "--rate",
    "2000",
    "--days",
    "2",
    "--connections",
    "8",
    "--resend",
  ]);
  try {
    for (let restart = 0; restart < RESTARTS; restart++) {
      await load.untilMoreAcked(1_000);
      expect(await assay.stop(), assay.output()).toBe(0);
      assay = await startAssay("collector", env);
    }
    await load.untilMoreAcked(500);
    const { refused, unknown, resent } = await load.end();
    expect({ refused, unknown }).toEqual({ refused: 0, unknown: 0 });
    expect(resent, "requests that met the restarts").toBeGreaterThan(0);
    const target = await writerOf(assay.env);
    await expectExactlyOnce(target, load, () => assay.output());
  } finally {
    await load.remove();
    await assay.stop();
    await removeData(env);
  }
});
