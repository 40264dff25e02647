/** The same calls through each real package become the same canonical values; what one leaves out is in docs/dialects.md. */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import {
  CALLS,
  collectAll,
  type Collected,
  COMPARED,
  hasPackages,
  hasPython,
  INSTRUMENTATIONS,
  type Instrumentation,
  KNOWN_DIFFERENCES,
} from "./collect.ts";
import { dialectsPage } from "./page.ts";

const OTHERS = Object.keys(INSTRUMENTATIONS).filter(
  (name) => name !== "assay",
) as Instrumentation[];

const isHere = (name: Instrumentation): boolean => hasPython || !name.startsWith("python ");

describe.skipIf(!hasPackages)("real packages", () => {
  let collected: ReadonlyMap<Instrumentation, Collected>;

  beforeAll(async () => {
    const names = Object.keys(INSTRUMENTATIONS) as Instrumentation[];
    collected = await collectAll(names.filter(isHere));
  }, 240_000);

  test("our own sees everything", () => {
    const ours = collected.get("assay")!;
    expect(ours.surrounding).toBe(0);
    for (const call of CALLS) expect(ours[call]).toBeDefined();
  });

  describe.each(OTHERS)("%s", (name) => {
    test.skipIf(!isHere(name)).each(CALLS)("%s", (call) => {
      const ours = collected.get("assay")![call]!;
      const theirs = collected.get(name)![call];
      if (theirs === undefined) {
        expect([name, call]).toEqual(["traceloop", "embeddings"]); // it has no span for them
        return;
      }
      for (const key of COMPARED) {
        if (theirs[key] === undefined) continue;
        const same = KNOWN_DIFFERENCES[name]?.[`${call} ${key}`] === undefined;
        if (same) expect({ [key]: theirs[key] }).toEqual({ [key]: ours[key] });
        else expect({ [key]: theirs[key] }).not.toEqual({ [key]: ours[key] });
      }
    });
  });

  test.each(OTHERS)("%s: rows with our tokens have our cost", (name) => {
    if (!isHere(name)) return;
    const ours = collected.get("assay")!.money;
    const theirs = collected.get(name)!.money;
    const chat = ours.find(({ operation }) => operation === "chat")!;
    expect(chat).toMatchObject({ input_tokens: 120, output_tokens: 20, cost_status: "priced" });
    const reported = theirs.filter(({ input_tokens: input }) => input === chat["input_tokens"]);
    expect(reported.length).toBeGreaterThan(0);
    for (const row of reported)
      // Without its cached tokens a call looks dearer: that is for the package to say.
      if (row["cache_read_tokens"] === chat["cache_read_tokens"]) expect(row).toEqual(chat);
      else expect(row["cost_status"]).toBe("priced");
  });

  test.skipIf(!hasPython)("docs/dialects.md says what each leaves out", async () => {
    const page = await readFile(new URL("../../docs/dialects.md", import.meta.url), "utf8");
    expect(page, "run: npm run docs:dialects").toBe(dialectsPage(collected));
  });
});
