/**
 * JSON text of a value of any shape and size, for content: what tools take and give, the metadata of documents. At most
 * about `limit` characters are written, however large the value, and nothing makes it fail: cycles, BigInt, getters
 * that throw. Numbers in bulk (embeddings, binary data) become their count.
 */
const MAX_DEPTH = 16;
/** An array of this many numbers or more is an embedding or binary data. */
const BULK_NUMBERS = 32;

export function boundedJson(value: unknown, limit: number): string {
  const budget = { left: limit };
  return JSON.stringify(bounded(value, budget, 0)) ?? "null";
}

interface Budget {
  left: number;
}

function bounded(value: unknown, budget: Budget, depth: number): unknown {
  budget.left -= 4;
  if (typeof value === "string") return boundedText(value, budget);
  if (typeof value === "bigint" || typeof value === "symbol") return value.toString();
  if (typeof value === "function") return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (budget.left <= 0 || depth >= MAX_DEPTH) return "…";
  try {
    return boundedObject(value, budget, depth);
  } catch {
    // A getter or a proxy of the service's that throws: the rest is still worth showing.
    return "[unreadable]";
  }
}

function boundedText(value: string, budget: Budget): string {
  const room = Math.max(budget.left, 0);
  budget.left -= value.length;
  return value.length > room ? `${value.slice(0, room)}…` : value;
}

function boundedObject(value: object, budget: Budget, depth: number): unknown {
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return boundedArray(value, budget, depth);
  if (value instanceof Error) return boundedText(`${value.name}: ${value.message}`, budget);
  if (value instanceof Map) return boundedEntries(value, budget, depth);
  if (value instanceof Set) return boundedArray([...value], budget, depth);
  if ("toJSON" in value && typeof value.toJSON === "function")
    return bounded(value.toJSON(), budget, depth + 1);
  return boundedEntries(Object.entries(value), budget, depth);
}

function boundedArray(values: readonly unknown[], budget: Budget, depth: number): unknown {
  if (values.length >= BULK_NUMBERS && typeof values[0] === "number" && areNumbers(values))
    return `[${values.length} numbers]`;
  const written: unknown[] = [];
  for (const value of values) {
    if (budget.left <= 0) {
      written.push("…");
      break;
    }
    written.push(bounded(value, budget, depth + 1));
  }
  return written;
}

function areNumbers(values: readonly unknown[]): boolean {
  return values.slice(0, BULK_NUMBERS).every((value) => typeof value === "number");
}

function boundedEntries(
  entries: Iterable<readonly [unknown, unknown]>,
  budget: Budget,
  depth: number,
): unknown {
  const written: [string, unknown][] = [];
  for (const [key, value] of entries) {
    if (budget.left <= 0) {
      written.push(["…", "…"]);
      break;
    }
    const name = String(key);
    budget.left -= name.length;
    written.push([name, bounded(value, budget, depth + 1)]);
  }
  return Object.fromEntries(written);
}
