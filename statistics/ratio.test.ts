import { expect, test } from "vitest";
import { ratioOfSums } from "./ratio.ts";

function sums(pairs: readonly (readonly [number, number])[]) {
  const add = (term: (x: number, y: number) => number) =>
    pairs.reduce((sum, [x, y]) => sum + term(x, y), 0);
  return {
    n: pairs.length,
    x: add((x) => x),
    y: add((_x, y) => y),
    xx: add((x) => x * x),
    yy: add((_x, y) => y * y),
    xy: add((x, y) => x * y),
  };
}

test("by hand: (1,2), (2,3), (3,7) is 12/6, residuals 0, -1, 1", () => {
  const found = ratioOfSums(
    sums([
      [1, 2],
      [2, 3],
      [3, 7],
    ]),
  )!;
  expect(found.ratio).toBe(2);
  expect(found.standardError).toBeCloseTo(Math.sqrt((2 * 3) / 2) / 6, 12);
});

test("an exact ratio has no error, one pair none that can be told", () => {
  expect(
    ratioOfSums(
      sums([
        [1, 3],
        [2, 6],
      ]),
    ),
  ).toEqual({ ratio: 3, standardError: 0 });
  expect(ratioOfSums(sums([[1, 3]]))).toBeUndefined();
  expect(() =>
    ratioOfSums(
      sums([
        [0, 3],
        [0, 1],
      ]),
    ),
  ).toThrow(RangeError);
});

test("95 % intervals cover the truth in 93 to 97 % of 2,000 seeded samples", () => {
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  let covered = 0;
  for (let run = 0; run < 2_000; run++) {
    const found = ratioOfSums(
      sums(
        Array.from({ length: 200 }, () => {
          const x = 100 + 900 * random();
          return [x, x * (0.2 + 0.1 * random())] as const;
        }),
      ),
    )!;
    if (Math.abs(found.ratio - 0.25) <= 1.96 * found.standardError) covered++;
  }
  expect(covered / 2_000).toBeGreaterThan(0.93);
  expect(covered / 2_000).toBeLessThan(0.97);
});
