import { expect, test } from "vitest";
import { Cardinality, DEFAULT_LIMITS, DIMENSIONS, hashValue } from "./cardinality.ts";

const hash = (text: string) => {
  const bytes = Buffer.from(text);
  return hashValue(bytes, 0, bytes.length);
};
const bit = (name: (typeof DIMENSIONS)[number]) => 1 << DIMENSIONS.indexOf(name);
const hashes = (values: Partial<Record<(typeof DIMENSIONS)[number], string>>) =>
  Int32Array.from(DIMENSIONS, (name) => hash(values[name] ?? ""));
const limited = () => new Cardinality({ ...DEFAULT_LIMITS, project: 2, user_id: 3, operation: 1 });

test("values beyond the limit are folded, known ones are not, empty ones do not count", () => {
  const cardinality = limited();
  const fold = (user_id: string) => cardinality.fold(1, hashes({ project: "p", user_id }));
  expect(["a", "b", "", "c", "d", "e", "a", "d", "c"].map(fold)).toEqual([
    0,
    0,
    0,
    0,
    bit("user_id"),
    bit("user_id"),
    0,
    bit("user_id"),
    0,
  ]);
});

test("each project and each day has its own", () => {
  const cardinality = limited();
  const fold = (day: number, project: string, operation: string) =>
    cardinality.fold(day, hashes({ project, operation }));
  expect(fold(1, "p", "chat")).toBe(0);
  expect(fold(1, "p", "embeddings")).toBe(bit("operation"));
  expect(fold(1, "q", "embeddings")).toBe(0);
  expect(fold(2, "p", "embeddings")).toBe(0);
  expect(fold(1, "p", "chat")).toBe(0);
});

test("projects beyond their limit share one allowance", () => {
  const cardinality = limited();
  const fold = (project: string, operation: string) =>
    cardinality.fold(1, hashes({ project, operation }));
  for (const project of ["p", "q"]) expect(fold(project, "chat")).toBe(0);
  expect(fold("r", "chat")).toBe(bit("project"));
  expect(fold("s", "embeddings")).toBe(bit("project") | bit("operation"));
  expect(fold("p", "chat")).toBe(0);
});
