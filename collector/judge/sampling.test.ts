import { expect, test } from "vitest";
import type { Profile } from "./config.ts";
import { positionOf, profileFor } from "./sampling.ts";
import { ANY_JSON } from "./text-metrics.ts";

test("known answer 16: the position of a record", () => {
  expect(positionOf("obs-123")).toBe(3628984152441765 / 2 ** 53);
  expect(positionOf("obs-123")).toBeCloseTo(0.40289817620406565, 15);
  expect(positionOf("obs-123", "judge-audit")).not.toBe(positionOf("obs-123"));
});

test("100,000 ids lie evenly (Kolmogorov-Smirnov), and audits do not follow the sample", () => {
  const n = 100_000;
  const positions = Array.from({ length: n }, (_, i) => positionOf(`trace ${i}`));
  const sorted = positions.toSorted((a, b) => a - b);
  const distance = Math.max(
    ...sorted.map((u, i) => Math.max(Math.abs(u - i / n), Math.abs(u - (i + 1) / n))),
  );
  // The critical distance at 1 %.
  expect(distance * Math.sqrt(n)).toBeLessThan(1.63);
  const both = positions.filter(
    (u, i) => u < 0.1 && positionOf(`trace ${i}`, "judge-audit") < 0.1,
  ).length;
  expect(both).toBeGreaterThan(900);
  expect(both).toBeLessThan(1_100);
});

const profile: Profile = {
  projects: undefined,
  judges: new Map(),
  strong: new Map(),
  audit: 0.15,
  onTrial: new Map(),
  shadow: 0.15,
  retest: 0,
  textMetrics: [],
  answerForm: ANY_JSON,
  vectorMetrics: [],
  embedder: undefined,
  weights: {},
  missing: "require",
  gates: [],
  strata: [],
  rest: 0.02,
  minimum: 0.001,
};

test("a project's own profile, else the one for all", () => {
  const own = { ...profile, projects: ["p"] };
  expect(profileFor("p", [profile, own])).toBe(own);
  expect(profileFor("q", [own, profile])).toBe(profile);
  expect(profileFor("q", [own])).toBeUndefined();
});
