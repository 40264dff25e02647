import { expect, test } from "vitest";
import { Gate } from "./gate.ts";

const signal = new AbortController().signal;

/** Whether it would be let in now. */
async function isOpen(gate: Gate): Promise<boolean> {
  const leaving = new AbortController();
  const entered = gate.enter(leaving.signal).then(
    () => true,
    () => false,
  );
  leaving.abort();
  const isIn = await entered;
  if (isIn) gate.ended();
  return isIn;
}

test("no more at a time than the limit; too much halves it, twenty that went well add one", async () => {
  const gate = new Gate(4);
  for (let i = 0; i < 4; i++) await gate.enter(signal);
  expect(await isOpen(gate)).toBe(false);
  gate.tooMuch();
  expect(gate.stats()).toMatchObject({ limit: 2, inFlight: 3 });
  for (let i = 0; i < 3; i++) gate.succeeded();
  for (let i = 0; i < 17; i++) {
    await gate.enter(signal);
    gate.succeeded();
  }
  expect(gate.stats()).toMatchObject({ limit: 3, inFlight: 0 });
});

test("closed once by many that fail together, longer only when it is tried and still away", async () => {
  let now = 0;
  const gate = new Gate(64, { now: () => now });
  for (let i = 0; i < 50; i++) await gate.enter(signal);
  for (let i = 0; i < 50; i++) gate.close("503");
  expect(gate.stats()).toMatchObject({ closed: "503", inFlight: 0 });
  now = 999;
  expect(await isOpen(gate)).toBe(false);
  now = 1_000;
  await gate.enter(signal);
  // One at a time.
  expect(await isOpen(gate)).toBe(false);
  gate.close("503");
  now = 2_999;
  expect(await isOpen(gate)).toBe(false);
  now = 3_000;
  await gate.enter(signal);
  gate.succeeded();
  expect(gate.stats().closed).toBeUndefined();
  await gate.enter(signal);
  await gate.enter(signal);
  gate.stop();
});

test("who waits is let go by its signal", async () => {
  const gate = new Gate(1);
  await gate.enter(signal);
  const leaving = new AbortController();
  const waiting = gate.enter(leaving.signal);
  leaving.abort();
  await expect(waiting).rejects.toThrow();
  gate.succeeded();
  await gate.enter(signal);
});
