import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { drainAll, enqueueFinished } from "./drain.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** As long as a turn may be held up: one is finished at a time. */
function enqueueSlow(): WeakRef<object> {
  const answer = { text: "x".repeat(1_000) };
  const finish = (): void => {
    const until = performance.now() + 2;
    while (performance.now() < until) void answer.text;
  };
  enqueueFinished({ contentSize: 0, finish });
  return new WeakRef(answer);
}

test("what is finished is let go of while others still wait", async () => {
  const answers = Array.from({ length: 60 }, enqueueSlow);
  // What a WeakRef was made of in this turn is kept until its end.
  await new Promise((resolve) => setTimeout(resolve));
  collect();
  expect(answers.filter((answer) => answer.deref() !== undefined).length).toBeLessThan(40);
  drainAll();
});

test("all are finished, in their order, also those that come while others are being finished", () => {
  const finished: number[] = [];
  const add = (number: number, more?: () => void): void =>
    enqueueFinished({
      contentSize: 0,
      finish: () => {
        finished.push(number);
        more?.();
      },
    });
  add(1, () => {
    add(3);
    drainAll();
  });
  add(2);
  drainAll();
  expect(finished).toEqual([1, 2, 3]);
});
