/**
 * The engine's own users and roles.
 *
 * The engine inside a process has one user. It is given two roles and nothing else: `writing`, which may do everything, and
 * `reading`, which sees `assay` and what the engine says of itself. A session begins with both; a reader's gives up the first
 * (`SET ROLE`, which the gate lets no statement of its own take back).
 */
import { SAFE_SYSTEM_TABLES } from "./gate-system.ts";

export const READER_ROLE = "reading";

/** Table functions such as numbers() ask for CREATE TEMPORARY TABLE; `readonly` and the gate leave nothing else of it. */
export const READER_GRANTS = [
  "SELECT, SHOW ON assay.*",
  "SELECT, SHOW ON information_schema.*",
  "SELECT, SHOW ON INFORMATION_SCHEMA.*",
  "CREATE TEMPORARY TABLE ON *.*",
  "dictGet ON assay.*",
  ...SAFE_SYSTEM_TABLES.map((table) => `SELECT, SHOW COLUMNS, SHOW TABLES ON system.${table}`),
];

export function usersConfig(): string {
  return `<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <roles>
    <writing>${grants(["ALL ON *.* WITH GRANT OPTION"])}</writing>
    <${READER_ROLE}>${grants(READER_GRANTS)}</${READER_ROLE}>
  </roles>
  <users>
    <default>
      <no_password/>
      <networks><ip>::1</ip><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      ${grants([`writing, ${READER_ROLE}`])}
    </default>
  </users>
</clickhouse>
`;
}

function grants(list: readonly string[]): string {
  return `<grants>${list.map((grant) => `<query>GRANT ${grant}</query>`).join("")}</grants>`;
}
