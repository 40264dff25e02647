/**
 * The user `reader` on a server of one's own: the rights that the embedded server gives its reader, as SQL.
 *
 * Role `assay_reader` may read `assay` and what the server says of itself, under the limits of a settings profile; nothing that
 * reads files, reaches other hosts or runs programs is granted. User `reader` has that role and no way in (`HOST NONE`) until somebody
 * gives it a password and hosts: a migration must not open a door.
 *
 *     ALTER USER reader IDENTIFIED BY '…' HOST ANY
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { READER_GRANTS } from "./embedded/engine-users.ts";

const PROFILE = [
  "readonly = 2 CONST", // a client may set what is not limited here; Grafana always sends max_execution_time
  "allow_ddl = 0 CONST",
  "allow_introspection_functions = 0 CONST",
  "max_execution_time = 60 MIN 1 MAX 300",
  "max_memory_usage = 4000000000 MIN 1 MAX 8000000000",
  "max_threads = 4 MIN 1 MAX 8",
];

/** Each may be run again. `onCluster`: as in the migrations. */
export function readerStatements(onCluster = ""): string[] {
  return [
    `CREATE ROLE IF NOT EXISTS assay_reader ${onCluster}`,
    `CREATE SETTINGS PROFILE IF NOT EXISTS assay_reader ${onCluster} SETTINGS ${PROFILE.join(", ")} TO assay_reader`,
    ...READER_GRANTS.map((grant) => `GRANT ${onCluster} ${grant} TO assay_reader`),
    `CREATE USER IF NOT EXISTS reader ${onCluster} IDENTIFIED WITH no_password HOST NONE`,
    `GRANT ${onCluster} assay_reader TO reader`,
  ];
}

/** Needs access management. Without it nothing else is lost: it is said once, and the rest goes on. */
export async function createReader(
  client: ClickHouseClient,
  onCluster: string,
  log: (level: "info" | "warn" | "error", message: string) => void,
): Promise<void> {
  try {
    for (const query of readerStatements(onCluster)) await client.command({ query });
  } catch (error) {
    log(
      "warn",
      `no user "reader" was made: ${String(error).split("\n")[0]!.slice(0, 300)}; grant access management, or make it by hand (docs/sql.md)`,
    );
  }
}
