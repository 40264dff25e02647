import { expect, test } from "vitest";
import type { EngineSession } from "./engine.ts";
import { createStatementReader } from "./statement.ts";

/** Answers as the engine does; of a statement that is being stopped it may say nothing. */
function sessionThatSays(tree: string): EngineSession {
  const answer = (text: string) => ({
    bytes: new TextEncoder().encode(text),
    elapsedSeconds: 0,
    rowsRead: 0,
    bytesRead: 0,
  });
  return {
    run: async (sql) => answer(sql.startsWith("EXPLAIN AST") ? tree : "SELECT 1"),
    close: () => {},
  };
}

const TREE = "SelectWithUnionQuery (children 1)\n ExpressionList (children 1)\n";
const running = new AbortController().signal;

test("what the engine said of a cancelled query is not remembered", async () => {
  const reader = createStatementReader();
  await expect(reader.read(sessionThatSays(""), "SELECT 1", running)).rejects.toThrow("cancelled");
  const cut = reader.read(sessionThatSays(TREE.slice(0, 20)), "SELECT 1", AbortSignal.abort());
  await expect(cut).rejects.toThrow("cancelled");
  const read = await reader.read(sessionThatSays(TREE), "SELECT 1", running);
  expect(read.root).toBe("SelectWithUnionQuery");
  expect(await reader.read(sessionThatSays(""), "SELECT 1", running)).toBe(read);
});
