import { expect, test } from "vitest";
import { parseModelCatalogue } from "./model-catalogue.ts";

test("a catalogue, with what is left out", () => {
  expect(
    parseModelCatalogue(
      "models: [{ model: llama*, hosting: self-hosted, usd_per_hour: 4.2, context_tokens: 131072 }, { model: gpt-4o }]",
      "models.yaml",
    ),
  ).toEqual([
    {
      model: "llama*",
      hosting: "self-hosted",
      modality: ["text"],
      usd_per_hour: 4.2,
      context_tokens: 131_072,
    },
    { model: "gpt-4o", hosting: "api", modality: ["text"] },
  ]);
});

test.each([
  ["models: [{ model: a, usd_per_hour: 1 }]", "models.0.usd_per_hour: expected only of models"],
  ["models: [{ model: 'a*b' }]", "models.0.model: expected a model"],
  ["models: [{ model: a, modality: [smell] }]", "models.0.modality.0"],
])("%s is refused", (text, message) => {
  expect(() => parseModelCatalogue(text, "models.yaml")).toThrow(message);
});
