import { expect, test } from "vitest";

import { body, keyValue, message, text, type Field } from "../otlp/testing.ts";
import { createSpanFilter } from "./filter.ts";
import { halves, selectSpans } from "./selection.ts";

const resource = (...attributes: [string, string][]): Field =>
  message(1, ...attributes.map(([key, value]) => keyValue(1, key, text(1, value))));
/** A span, with a field that nobody knows. */
const span = (name: string, ...attributes: Field[]): Field =>
  message(2, text(5, name), ...attributes, text(1_999, "unknown"));
const scope = (...spans: Field[]): Field => message(2, text(3, "schema"), ...spans);
const resourceSpans = (...fields: Field[]): Field => message(1, ...fields, text(2_000, "kept"));
const attribute = (key: string, value: string): Field => keyValue(9, key, text(1, value));

const request = body(
  text(3_000, "of the request"),
  resourceSpans(
    resource(["service.name", "shop"]),
    scope(span("a"), span("b", attribute("team", "red"))),
    scope(span("c")),
  ),
  resourceSpans(
    resource(["service.name", "mail"], ["team", "blue"]),
    scope(span("d", attribute("assay.project", "shop"))),
  ),
);

test("nothing left out: the very bytes", () => {
  expect(selectSpans(request, () => true)).toEqual({ body: request, spans: 4 });
  expect(createSpanFilter(undefined).select(request, "traces", []).body).toBe(request);
});

test("spans left out: all other bytes as they were, envelopes without spans gone", () => {
  const without = createSpanFilter(undefined).select(request, "traces", [0, 2, 3]);
  expect(without.spans).toBe(1);
  expect(Buffer.from(without.body)).toEqual(
    Buffer.from(
      body(
        text(3_000, "of the request"),
        resourceSpans(
          resource(["service.name", "shop"]),
          scope(span("b", attribute("team", "red"))),
        ),
      ),
    ),
  );
});

test("halves have every span once", () => {
  const parts = halves(request, 4).map(({ body: part, spans }) => {
    const indexes: number[] = [];
    selectSpans(part, (index) => (indexes.push(index), true));
    return { spans, found: indexes.length, text: Buffer.from(part).toString("latin1") };
  });
  expect(parts.map(({ spans, found }) => [spans, found])).toEqual([
    [2, 2],
    [2, 2],
  ]);
  expect(parts[0]?.text).toContain("red");
  expect(parts[1]?.text).not.toContain("red");
});

test.each([
  ["project, the span's own before its resource's", { projects: ["shop"] }, 4],
  ["project of the resource", { projects: ["mail"] }, 0],
  [
    "attribute of span or resource",
    { attributes: [{ key: "team", in: ["red", "blue"], on: "any" as const }] },
    2,
  ],
  [
    "attribute of the span alone",
    { attributes: [{ key: "team", in: ["red", "blue"], on: "span" as const }] },
    1,
  ],
  [
    "attribute of the resource alone",
    { attributes: [{ key: "team", in: ["blue"], on: "resource" as const }] },
    1,
  ],
  [
    "both must hold",
    { projects: ["shop"], attributes: [{ key: "team", in: ["blue"], on: "any" as const }] },
    1,
  ],
])("filter by %s", (_, filter, spans) => {
  expect(createSpanFilter(filter).select(request, "traces", []).spans).toBe(spans);
});
