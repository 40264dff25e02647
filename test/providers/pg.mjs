/** The behaviours of a search in PostgreSQL with pgvector, through `pg`. */
import { searchesOf } from "./searches.mjs";

export const packages = ["pg"];

export function situations([module], tools) {
  const { Pool } = module.default ?? module;
  const poolOf = (options) =>
    new Pool({ connectionString: tools.url, allowExitOnIdle: true, ...options });
  const pool = poolOf({});
  const search = async (place, k, from = pool) => {
    const statement = `SELECT ${COLUMNS[place] ?? COLUMNS.shelf} FROM ${place === "missing" ? "absent" : "items"}
      ${place === "empty" ? "WHERE id > 99" : ""} ORDER BY embedding <-> $1 LIMIT ${k}`;
    return (await from.query(statement, ["[3,0]"])).rows;
  };
  return searchesOf(
    {
      search,
      aborted: () => search("slow", 2, poolOf({ statement_timeout: 50 })),
      client: pool,
    },
    tools,
  );
}

const COLUMNS = {
  shelf: "id, content, embedding <-> $1 AS distance",
  letters: "id, 'Pay with 4111 1111 1111 1111' AS content, embedding <-> $1 AS distance",
  slow: "id, content, embedding <-> $1 AS distance, pg_sleep(0.5)::text",
};
