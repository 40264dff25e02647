import { expect, test } from "vitest";
import { runChecksCommand } from "./command.ts";
import { parseChecksConfig } from "./config.ts";

async function run(...args: string[]): Promise<string[]> {
  const printed: string[] = [];
  await runChecksCommand(args, {
    config: parseChecksConfig("", {}, "test"),
    connect: () => expect.unreachable("nothing is to be read"),
    print: (line) => void printed.push(line),
  });
  return printed;
}

test("list: every check, and that nobody is told", async () => {
  const printed = await run("list");
  expect(printed.find((line) => line.startsWith("cost-spike"))).toMatch(
    /page\s+1m\s+Much more is spent/,
  );
  expect(printed.at(-1)).toContain("Nobody is told");
});

test.each([
  [["test"], "--from: expected RFC 3339"],
  [["test", "--from", "now-1h", "--to", "now-2h"], "expected --from before --to"],
  [["test", "--from", "now-400d"], "up to 31 days"],
  [["test", "--from", "now-1h", "--check", "nope"], 'got "nope"'],
  [["run"], "expected: checks list"],
])("%j is refused with what was expected", async (args, message) => {
  await expect(run(...args)).rejects.toThrow(message);
});
