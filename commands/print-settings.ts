/** `assay settings`: every setting, its default and what it does; docs/settings.md is its output. */
import { settingsPage } from "@assay/clickhouse";
import { settingTables } from "./settings.ts";

export function run(): void {
  console.log(settingsPage(settingTables));
}
