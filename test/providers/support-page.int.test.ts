import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { versionOf } from "./contract.ts";
import { SEARCHES } from "./searches.ts";
import { PROVIDERS } from "./providers.ts";
import { SUPPORT_PAGE, toolsPart } from "./support-page.ts";

const ALL = [...PROVIDERS, ...SEARCHES];
const installed = ALL.every((provider) => versionOf(provider) !== undefined);

test.skipIf(!installed)(
  "docs/support.md names every provider and retriever, with its version",
  async () => {
    const page = await readFile(SUPPORT_PAGE, "utf8");
    for (const provider of ALL)
      expect(page).toContain(
        `## ${provider.name}\n\n\`${provider.package}\` ${String(versionOf(provider))}\n`,
      );
    expect(page, "npm run docs:support").toContain(toolsPart());
  },
);
