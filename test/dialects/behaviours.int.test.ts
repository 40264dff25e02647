import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { behavioursPage, compareBehaviours, hasSdks } from "./behaviours.ts";

test.skipIf(!hasSdks)(
  "through ours a service sees what it sees without, on both majors; docs/behaviours.md says so",
  async () => {
    const sides = await compareBehaviours();
    const page = behavioursPage(sides);
    console.log(page);
    expect(sides.map(({ version }) => version.split(".")[0])).toEqual(["6", "7"]);
    for (const { verdicts } of sides) {
      expect(verdicts.size).toBe(14);
      const others = [...verdicts].filter(([, row]) => row.assay !== "ok");
      expect(others).toEqual([]);
      // The comparison itself can fail: no other instrumentation passes everywhere.
      for (const name of ["opentelemetry", "traceloop", "openinference", "langfuse"] as const)
        expect([...verdicts.values()].every((row) => row[name] === "ok")).toBe(false);
    }
    const ofOurs = (text: string) => text.match(/^\| [^|]+ \| ok \|/gm)?.length;
    const docs = await readFile(new URL("../../docs/behaviours.md", import.meta.url), "utf8");
    expect(ofOurs(docs), "npm run docs:behaviours").toBe(ofOurs(page));
  },
  120_000,
);
