/** The contract as tests: a provider's are `contractSuite(provider)`. */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import {
  behavioursOf,
  runContract,
  versionOf,
  type ContractResult,
  type Provider,
} from "./contract.ts";
import { SUPPORT_PAGE, supportRow } from "./support-page.ts";

export function contractSuite(provider: Provider, skipped = false): void {
  describe.skipIf(skipped || versionOf(provider) === undefined)(provider.name, () => {
    let contract: ContractResult;
    beforeAll(async () => {
      contract = await runContract(provider);
    }, 180_000);

    const behaviours = behavioursOf(provider);
    const extra = Object.keys(provider.calls).filter((name) => !behaviours.includes(name));
    test.each([...behaviours, ...extra])("%s", (name) => {
      expect(contract.results.get(name)?.problems).toEqual([]);
    });

    test("docs/support.md says what was seen here", async () => {
      const page = await readFile(SUPPORT_PAGE, "utf8");
      expect(page, "npm run docs:support").toContain(supportRow(contract));
    });
  });
}
