import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { versionOf } from "./contract.ts";
import { PROVIDERS } from "./providers.ts";
import { retrieversPart, SUPPORT_PAGE } from "./support-page.ts";

const installed = PROVIDERS.every((provider) => versionOf(provider) !== undefined);

test.skipIf(!installed)(
  "docs/support.md names every provider and retriever, with its version",
  async () => {
    const page = await readFile(SUPPORT_PAGE, "utf8");
    for (const provider of PROVIDERS)
      expect(page).toContain(
        `## ${provider.name}\n\n\`${provider.package}\` ${String(versionOf(provider))}\n`,
      );
    expect(page, "npm run docs:support").toContain(retrieversPart());
  },
);
