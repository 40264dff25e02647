import { expect, test } from "vitest";
import type { Profile } from "./config.ts";
import { positionOf, profileFor, stratumOf, type RecordFacts } from "./sampling.ts";

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
  retest: 0,
  textMetrics: [],
  weights: {},
  missing: "require",
  gates: [],
  strata: [
    { name: "failed", when: { status: "error" }, probability: 1 },
    { name: "long", when: { min_input_tokens: 4_000, models: ["a"] }, probability: 0.2 },
  ],
  rest: 0.02,
  minimum: 0.001,
};
const facts: RecordFacts = {
  project: "p",
  environment: "production",
  release: "1",
  model: "a",
  status: "ok",
  inputTokens: 10,
  durationMs: 5,
  hasDocuments: false,
};

test("the first stratum whose conditions all hold", () => {
  expect(stratumOf(facts, profile)).toEqual({ name: "rest", probability: 0.02 });
  expect(stratumOf({ ...facts, status: "error", inputTokens: 9_000 }, profile).name).toBe("failed");
  expect(stratumOf({ ...facts, inputTokens: 4_000 }, profile).name).toBe("long");
  expect(stratumOf({ ...facts, inputTokens: 4_000, model: "b" }, profile).name).toBe("rest");
});

test("a project's own profile, else the one for all", () => {
  const own = { ...profile, projects: ["p"] };
  expect(profileFor("p", [profile, own])).toBe(own);
  expect(profileFor("q", [own, profile])).toBe(profile);
  expect(profileFor("q", [own])).toBeUndefined();
});
