import { expect, test } from "vitest";
import {
  ANY_JSON,
  TEXT_METRICS,
  textMetric,
  textMetricHash,
  type AnswerForm,
} from "./text-metrics.ts";
import { jsonCheck } from "./text/json-answer.ts";

/** The others are about the answer beside other texts. */
const BESIDE_TEXTS = TEXT_METRICS.filter((metric) => metric !== "valid_json");

test("an answer that is the reference is right by all of them, however short", () => {
  for (const answer of ["14 days.", "It can be cancelled for 14 days after it was printed."])
    for (const metric of BESIDE_TEXTS) {
      const record = { answer, reference: answer, context: [answer] };
      // Of two words there is no run of three.
      const expected = metric === "context_overlap" && answer === "14 days." ? undefined : 1;
      const norm = textMetric(metric, record, ANY_JSON);
      if (expected === undefined) expect(norm).toBeUndefined();
      else expect(norm, metric).toBeCloseTo(expected, 9);
    }
});

test("what is needed and missing: no score; each has a hash of its own", () => {
  for (const metric of BESIDE_TEXTS) {
    expect(textMetric(metric, { answer: "a" }, ANY_JSON)).toBeUndefined();
    expect(textMetric(metric, { reference: "a", context: ["a"] }, ANY_JSON)).toBeUndefined();
  }
  const hashes = TEXT_METRICS.map((metric) => textMetricHash(metric, ANY_JSON));
  expect(new Set(hashes).size).toBe(TEXT_METRICS.length);
});

test("JSON, and of the form that is asked for; another form is another series", () => {
  const schema: NonNullable<AnswerForm["schema"]> = {
    type: "object",
    required: ["days"],
    properties: { days: { type: "integer" } },
  };
  const form: AnswerForm = { schema, check: jsonCheck(schema) };
  const valid = (answer: string, of = form) => textMetric("valid_json", { answer }, of);
  expect([valid('{"days": 14}'), valid('{"days": "14"}'), valid("14 days")]).toEqual([1, 0, 0]);
  expect(valid('{"weeks": 2}', { ...ANY_JSON, schema })).toBe(1);
  expect(textMetricHash("valid_json", form)).not.toBe(textMetricHash("valid_json", ANY_JSON));
  expect(textMetricHash("bleu", form)).toBe(textMetricHash("bleu", ANY_JSON));
});
