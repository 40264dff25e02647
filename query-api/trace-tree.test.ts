import { expect, test } from "vitest";
import { buildTree } from "./trace-tree.ts";

const span = (id: string, parent: string | null, time: number) => ({
  span_id: id,
  parent_span_id: parent,
  time_unix_nano: String(time),
});
const outline = (spans: ReturnType<typeof span>[]) =>
  buildTree(spans).map((n) => `${" ".repeat(n.depth)}${n.span.span_id}${n.orphan ? "?" : ""}`);

const trees: Record<string, [ReturnType<typeof span>[], string[]]> = {
  "siblings come earliest first, below their parent": [
    [span("c", "a", 3), span("b", "a", 2), span("d", "b", 9), span("a", null, 1)],
    ["a", " b", "  d", " c"],
  ],
  "a missing parent makes an orphan root": [
    [span("b", "gone", 2), span("a", null, 1)],
    ["a", "b?"],
  ],
  "a span that is its own parent is shown once": [[span("a", "a", 1)], ["a?"]],
  "a circle hangs below its earliest span": [
    [span("b", "a", 2), span("a", "b", 1), span("c", "b", 3)],
    ["a?", " b", "  c"],
  ],
};

test.each(Object.entries(trees))("%s", (_name, [spans, expected]) => {
  expect(outline(spans)).toEqual(expected);
});

test("a chain of 10,000 spans is walked without recursion", () => {
  const chain = Array.from({ length: 10_000 }, (_, i) => span(`s${i}`, i ? `s${i - 1}` : null, i));
  expect(buildTree(chain).at(-1)?.depth).toBe(9_999);
});
