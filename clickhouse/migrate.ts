/**
 * Brings a database to the schema that this version of Assay knows.
 *
 * `schema/NNNN_name.sql` are applied in order of their numbers, once each; table `migrations` says which were, with
 * the checksum of the file. ClickHouse has no transactions, so a migration that was interrupted is simply run again:
 * every statement in a file must give the same result when it is run twice, or by two processes at once
 * (`IF NOT EXISTS`, `OR REPLACE`, inserts with a deduplication token). Two records of one version do no harm either.
 *
 * Refused, with nothing changed: a database that a newer version has migrated, and one whose applied files differ
 * from those here. An applied file is never edited; what it lacks comes with the next number.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { ClickHouseError, type ClickHouseClient } from "@clickhouse/client";

import { createReader } from "./reader-user.ts";
import { applyRetention, retentionDays, type RetentionName } from "./retention.ts";
import { fillPlaceholders, splitStatements, type Placeholders } from "./statements.ts";
import { withTableLock } from "./table-lock.ts";

export interface Migration {
  version: number;
  name: string;
  sql: string;
  /** First 128 bits of the SHA-256 of the file, in hex. */
  checksum: string;
}

export interface MigrateOptions {
  /** Cluster whose servers all get the schema, with replicated engines. */
  cluster?: string | undefined;
  /** Days to keep, where they differ from the defaults in retention.ts. */
  retentionDays?: Partial<Record<RetentionName, number | undefined>> | undefined;
  log: (level: "info" | "warn" | "error", message: string) => void;
  /** A server of one's own also gets the user `reader` (reader-user.ts). @default false */
  withReader?: boolean | undefined;
  /** Where the files are. @default the schema of this version */
  schemaDir?: string | undefined;
}

export interface MigrationReport {
  /** Names of the files that were applied, in order. */
  applied: string[];
  version: number;
}

/** The database does not go together with this version of Assay; the message says what to do. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
}

interface AppliedMigration {
  version: number;
  name: string;
  checksum: string;
}

const UNKNOWN_DATABASE = "81";

const SCHEMA_DIR = join(import.meta.dirname, "schema");

const MIGRATIONS_TABLE = `
CREATE TABLE IF NOT EXISTS migrations {{on_cluster}}
(
    version    UInt32,
    name       String,
    checksum   String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = {{MergeTree}}
ORDER BY version
SETTINGS {{durable}}`;

/** @throws SchemaError when the database is newer than the code, or was made from other files */
export async function migrate(
  client: ClickHouseClient,
  options: MigrateOptions,
): Promise<MigrationReport> {
  const placeholders = {
    cluster: options.cluster,
    retentionDays: retentionDays(options.retentionDays),
  };
  const migrations = await readMigrations(options.schemaDir ?? SCHEMA_DIR);
  await createDatabase(client, placeholders);
  const onWait = () =>
    options.log("info", "another process is migrating the database: waiting for it");
  return withTableLock(client, "migration_lock", onWait, async () => {
    await client.command({ query: fillPlaceholders(MIGRATIONS_TABLE, placeholders) });
    const applied = await applyPending(client, migrations, placeholders, options.log);
    const onCluster = fillPlaceholders("{{on_cluster}}", placeholders);
    if (options.withReader) await createReader(client, onCluster, options.log);
    const changed = await applyRetention(client, placeholders.retentionDays, onCluster);
    if (changed.length > 0) options.log("info", `retention changed: ${changed.join(", ")}`);
    return { applied, version: migrations.at(-1)?.version ?? 0 };
  });
}

/** The newest migration that the database has; 0: none yet. */
export async function schemaVersion(client: ClickHouseClient): Promise<number> {
  try {
    const result = await client.query({ query: "EXISTS TABLE migrations", format: "JSONEachRow" });
    const [row] = await result.json<{ result: number }>();
    return row?.result === 1 ? ((await readApplied(client)).at(-1)?.version ?? 0) : 0;
  } catch (error) {
    if (hasCode(error, UNKNOWN_DATABASE)) return 0;
    throw error;
  }
}

/** @throws Error when a name is not `NNNN_name.sql` or two files share a number */
export async function readMigrations(dir: string): Promise<Migration[]> {
  const migrations: Migration[] = [];
  for (const file of (await readdir(dir)).sort()) {
    const version = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(file)?.[1]);
    if (Number.isNaN(version))
      throw new Error(`schema: expected a file name like 0001_spans.sql, got "${file}"`);
    if (version === migrations.at(-1)?.version)
      throw new Error(`schema: two files with the number of "${file}"`);
    const sql = await readFile(join(dir, file), "utf8");
    const checksum = createHash("sha256").update(sql).digest("hex").slice(0, 32);
    migrations.push({ version, name: file.slice(0, -".sql".length), sql, checksum });
  }
  return migrations;
}

/** The statements of a migration, ready to run. */
export function statementsOf(migration: Migration, placeholders: Placeholders): string[] {
  return splitStatements(migration.sql).map((statement) =>
    fillPlaceholders(statement, placeholders),
  );
}

/**
 * The client's own database cannot be named in a query before it exists: it is made from `default`. A user who may not
 * create databases can have it made beforehand.
 */
async function createDatabase(client: ClickHouseClient, placeholders: Placeholders): Promise<void> {
  try {
    await client.command({ query: "SELECT 1" });
  } catch (error) {
    if (!hasCode(error, UNKNOWN_DATABASE)) throw error;
    await client.command({
      query: fillPlaceholders("CREATE DATABASE IF NOT EXISTS assay {{on_cluster}}", placeholders),
      http_headers: { "X-ClickHouse-Database": "default" },
    });
  }
}

async function applyPending(
  client: ClickHouseClient,
  migrations: Migration[],
  placeholders: Placeholders,
  log: MigrateOptions["log"],
): Promise<string[]> {
  const known = await readApplied(client);
  checkHistory(known, migrations);
  const done = new Set(known.map((migration) => migration.version));
  const pending = migrations.filter((migration) => !done.has(migration.version));
  for (const migration of pending) {
    for (const query of statementsOf(migration, placeholders)) await run(client, migration, query);
    await record(client, migration);
    log("info", `applied migration ${migration.name}`);
  }
  return pending.map((migration) => migration.name);
}

async function run(client: ClickHouseClient, migration: Migration, query: string): Promise<void> {
  try {
    await client.command({ query });
  } catch (cause) {
    const [firstLine] = query.split("\n");
    throw new Error(`migration ${migration.name} failed at "${firstLine}": ${String(cause)}`, {
      cause,
    });
  }
}

async function readApplied(client: ClickHouseClient): Promise<AppliedMigration[]> {
  const result = await client.query({
    query: "SELECT DISTINCT version, name, checksum FROM migrations ORDER BY version",
    format: "JSONEachRow",
  });
  return result.json<AppliedMigration>();
}

async function record(
  client: ClickHouseClient,
  { version, name, checksum }: Migration,
): Promise<void> {
  await client.insert({
    table: "migrations",
    columns: ["version", "name", "checksum"],
    values: [{ version, name, checksum }],
    format: "JSONEachRow",
    clickhouse_settings: {
      insert_deduplication_token: `migration-${version}-${checksum}`,
      async_insert: 0,
    },
  });
}

function checkHistory(applied: AppliedMigration[], migrations: Migration[]): void {
  const latest = migrations.at(-1)?.version ?? 0;
  const byVersion = new Map(migrations.map((migration) => [migration.version, migration]));
  for (const { version, name, checksum } of applied) {
    if (version > latest) {
      throw new SchemaError(
        `the database has migration ${name}, and this version of Assay knows migrations up to ${latest}: ` +
          `run the version that made the database, or a newer one`,
      );
    }
    const migration = byVersion.get(version);
    if (migration?.checksum !== checksum) {
      throw new SchemaError(
        `migration ${name} was applied with checksum ${checksum}, and this version of Assay has ` +
          `${migration ? `${migration.name} with ${migration.checksum}` : "no such file"}: an applied migration must not change`,
      );
    }
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof ClickHouseError && error.code === code;
}
