/**
 * A PostgreSQL of the machine, started for one test, with as much of pgvector as searches use: the type, written as
 * text, and its operators and functions, in SQL. Absent where the machine has no PostgreSQL.
 */
import { execFileSync, spawn, type SpawnOptions } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { freePort } from "../processes.ts";

export interface Postgres {
  port: number;
  stop: () => Promise<void>;
}

/** Where its programs are; undefined: it is not installed. */
export const POSTGRES_BIN = [...versions(), ...(process.env["PATH"] ?? "").split(delimiter)].find(
  (folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")),
);

/** Debian keeps them out of PATH, by version. */
function versions(): string[] {
  const folder = "/usr/lib/postgresql";
  if (!existsSync(folder)) return [];
  const newestFirst = readdirSync(folder).toSorted((a, b) => Number(b) - Number(a));
  return newestFirst.map((version) => join(folder, version, "bin"));
}

const VECTORS = `
CREATE TYPE vector;
CREATE FUNCTION vector_in(cstring) RETURNS vector LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION vector_out(vector) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE vector (INPUT = vector_in, OUTPUT = vector_out, INTERNALLENGTH = VARIABLE);
CREATE CAST (vector AS text) WITHOUT FUNCTION;
CREATE FUNCTION numbers(vector) RETURNS float8[] LANGUAGE sql IMMUTABLE
  AS $$ SELECT string_to_array(btrim($1::text, '[]'), ',')::float8[] $$;
CREATE FUNCTION l2_distance(a vector, b vector) RETURNS float8 LANGUAGE sql IMMUTABLE
  AS $$ SELECT sqrt(sum((x - y) * (x - y))) FROM unnest(numbers(a), numbers(b)) AS pair(x, y) $$;
CREATE FUNCTION l1_distance(a vector, b vector) RETURNS float8 LANGUAGE sql IMMUTABLE
  AS $$ SELECT sum(abs(x - y)) FROM unnest(numbers(a), numbers(b)) AS pair(x, y) $$;
CREATE FUNCTION negative_inner(a vector, b vector) RETURNS float8 LANGUAGE sql IMMUTABLE
  AS $$ SELECT -sum(x * y) FROM unnest(numbers(a), numbers(b)) AS pair(x, y) $$;
CREATE OPERATOR <-> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = l2_distance);
CREATE OPERATOR <=> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = l2_distance);
CREATE OPERATOR <#> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = negative_inner);
CREATE OPERATOR <+> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = l1_distance);
CREATE TABLE items (id int PRIMARY KEY, content text, metadata jsonb, embedding vector, spot point);
INSERT INTO items SELECT n, 'about ' || n, '{"page": 7}', ('[' || n || ',0]')::vector, point(n, 0)
  FROM generate_series(1, 8) AS n;
`;

export async function startPostgres(bin: string): Promise<Postgres> {
  const folder = mkdtempSync(join(tmpdir(), "assay-postgres-"));
  const account = ownAccount(folder);
  const data = join(folder, "data");
  execFileSync(
    join(bin, "initdb"),
    ["-D", data, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C"],
    { stdio: "pipe", ...account },
  );
  const port = await freePort();
  const server = spawn(
    join(bin, "postgres"),
    ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", folder, "-F"],
    { stdio: ["ignore", "ignore", "pipe"], ...account },
  );
  const exited = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let log = "";
    server.stderr?.on("data", (chunk) => {
      log += String(chunk);
      if (log.includes("ready to accept connections")) resolve();
    });
    server.once("exit", () => reject(new Error(`PostgreSQL did not start: ${log}`)));
  });
  execFileSync(
    join(bin, "psql"),
    [
      "-h",
      "127.0.0.1",
      "-p",
      String(port),
      "-U",
      "postgres",
      "-q",
      "-v",
      "ON_ERROR_STOP=1",
      "-c",
      VECTORS,
    ],
    { stdio: "pipe" },
  );
  return {
    port,
    stop: async () => {
      server.kill("SIGQUIT");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL refuses to run as root: its own account does. */
function ownAccount(folder: string): Pick<SpawnOptions, "uid" | "gid"> {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number =>
    Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  const account = { uid: id("-u"), gid: id("-g") };
  chownSync(folder, account.uid, account.gid);
  return account;
}
