import { readFile } from "node:fs/promises";
import { clickhouseSettings, settingsPage } from "@assay/clickhouse";
import { collectorSettings } from "@assay/collector";
import { querySettings } from "@assay/query-api";
import { expect, test } from "vitest";

test("docs/settings.md shows the tables that are read (npm run docs:settings writes it)", async () => {
  const page = await readFile(new URL("../../docs/settings.md", import.meta.url), "utf8");
  const tables = { ...clickhouseSettings, ...collectorSettings, ...querySettings };
  expect(page.trim()).toBe(settingsPage(tables).trim());
});
