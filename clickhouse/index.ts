/** ClickHouse for the other packages: settings, clients, the embedded server, migrations. */
export { daysBetween, readDay, readOptions } from "./command-options.ts";
export {
  addressSetting,
  booleanSetting,
  clickhouseSettings,
  integerSetting,
  readSettings,
  SettingsError,
  settingsPage,
} from "./settings.ts";
export type { Address, Setting, SettingProblem, SettingsOf, SettingsTable } from "./settings.ts";
export { createClickHouse, targetOf } from "./client.ts";
export type { ClickHouseTarget } from "./client.ts";
export { insertEvaluations, insertRows } from "./evaluation-rows.ts";
export type { EvaluationRow } from "./evaluation-rows.ts";
export { oneBlock } from "./one-block.ts";
export { positionSql } from "./draw.ts";
export { finishCostRevisions, hasOpenCostRevisions, planCostRevisions } from "./cost-revisions.ts";
export { startEmbeddedServer } from "./embedded/supervisor.ts";
export type { EmbeddedServer, EmbeddedServerOptions } from "./embedded/supervisor.ts";
export { migrate, schemaVersion, SchemaError } from "./migrate.ts";
export type { MigrateOptions, MigrationReport } from "./migrate.ts";
export { identityOf } from "./process-identity.ts";
export { withTableLock } from "./table-lock.ts";
export { retention } from "./retention.ts";
export type { RetentionDays, RetentionName } from "./retention.ts";
