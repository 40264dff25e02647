import { expect, test } from "vitest";
import { TEXT_METRICS, textMetric, textMetricHash } from "./text-metrics.ts";

test("an answer that is the reference is right by all of them, however short", () => {
  for (const answer of ["14 days.", "It can be cancelled for 14 days after it was printed."])
    for (const metric of TEXT_METRICS) {
      const record = { answer, reference: answer, context: [answer] };
      // Of two words there is no run of three.
      const expected = metric === "context_overlap" && answer === "14 days." ? undefined : 1;
      const norm = textMetric(metric, record);
      if (expected === undefined) expect(norm).toBeUndefined();
      else expect(norm, metric).toBeCloseTo(expected, 9);
    }
});

test("what is needed and missing: no score; each has a hash of its own", () => {
  for (const metric of TEXT_METRICS) {
    expect(textMetric(metric, { answer: "a" })).toBeUndefined();
    expect(textMetric(metric, { reference: "a", context: ["a"] })).toBeUndefined();
  }
  expect(new Set(TEXT_METRICS.map(textMetricHash)).size).toBe(TEXT_METRICS.length);
});
