import { expect, test } from "vitest";
import { createLane } from "./lane.ts";

const never = new AbortController().signal;

test("runs so many, lets so many wait in turn, refuses the rest", async () => {
  const lane = createLane("reads", { running: 1, queued: 2 });
  const order: string[] = [];
  const leave = await lane.enter(never);
  const waiting = ["a", "b"].map(async (name) => {
    const leaveThis = await lane.enter(never);
    order.push(name);
    leaveThis();
  });
  await expect(lane.enter(never)).rejects.toMatchObject({ code: 202 });
  expect(lane.stats()).toEqual({ running: 1, queued: 2, refused: 1 });
  leave();
  leave(); // twice frees one place only
  await Promise.all(waiting);
  expect(order).toEqual(["a", "b"]);
  expect(lane.stats()).toEqual({ running: 0, queued: 0, refused: 1 });
});

test("who gives up while waiting leaves the queue", async () => {
  const lane = createLane("reads", { running: 1, queued: 1 });
  const leave = await lane.enter(never);
  const abort = new AbortController();
  const waiting = lane.enter(abort.signal);
  abort.abort();
  await expect(waiting).rejects.toMatchObject({ code: 394 });
  leave();
  expect(lane.stats()).toEqual({ running: 0, queued: 0, refused: 0 });
});
