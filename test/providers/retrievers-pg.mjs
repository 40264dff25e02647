/**
 * Queries a PostgreSQL through `pg` in every form that it takes and prints what the service saw: `esm|cjs <port>`. Each
 * situation runs in an agent of its name where the instrumentation is loaded.
 */
import { createRequire } from "node:module";

const [, , format, port] = process.argv;
const pg = format === "cjs" ? createRequire(import.meta.url)("pg") : (await import("pg")).default;
const assay = process.env.ASSAY_ENDPOINT ? await import("@assay/instrumentation") : undefined;
const run = (name, work) => (assay ? assay.traceAgent(name, work)() : work());
const traced = (work, options) => (assay ? assay.traceRetriever(work, options) : work);

const settings = { host: "127.0.0.1", port: Number(port), user: "postgres", database: "postgres" };
const client = new pg.Client(settings);
await client.connect();
const pool = new pg.Pool({ ...settings, max: 1 });
const wide = new pg.Pool({ ...settings, max: 4 });

const SEARCH =
  "SELECT id, content, metadata, embedding <-> $1 AS distance FROM items ORDER BY 4 LIMIT 2";
const NEAR = "[3,0]";
const HYBRID = `WITH near AS (
    SELECT id, 1 - (embedding <=> $1) AS similarity FROM public.items -- the nearest (four
    ORDER BY 2 DESC LIMIT 4
  ) SELECT id, similarity FROM near WHERE id <> 3 AND 'it''s (not' <> $2 LIMIT 1`;
const rows = (result) => ({
  class: result.constructor.name,
  count: result.rowCount,
  rows: result.rows,
});
const called = (start) =>
  new Promise((resolve, reject) => {
    const returned = start((error, result) =>
      error ? reject(error) : resolve({ returned: String(returned), ...rows(result) }),
    );
  });
const read = (query) =>
  new Promise((resolve, reject) => {
    const ids = [];
    query.on("row", (row) => ids.push(row.id));
    query.on("error", reject);
    query.on("end", () => resolve({ class: query.constructor.name, ids }));
  });

/** A cursor as other packages have them: it reads messages itself and is handed over as it is. */
class Cursor {
  constructor(text) {
    this.text = text;
    this.seen = [];
    this.done = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
  }
  submit(connection) {
    connection.query(this.text);
  }
  handleRowDescription() {}
  handleDataRow(message) {
    this.seen.push(message.fields.map(String));
  }
  handleCommandComplete() {}
  handleReadyForQuery() {
    this.resolve(this.seen);
  }
  handleError(error) {
    this.reject(error);
  }
}

const reused = { text: SEARCH, values: [NEAR] };
const SITUATIONS = {
  promise: async () => rows(await client.query(SEARCH, [NEAR])),
  config: async () => rows(await client.query({ text: SEARCH, values: [NEAR], name: "search" })),
  arrays: async () => rows(await client.query({ text: SEARCH, values: [NEAR], rowMode: "array" })),
  callback: () => called((done) => client.query(SEARCH, [NEAR], done)),
  "callback without values": () =>
    called((done) =>
      client.query("SELECT id FROM items ORDER BY embedding <=> '[1,0]' LIMIT 1", done),
    ),
  "callback in the config": async () => {
    const config = {
      ...reused,
      callback: (error, result) => config.told(error ?? rows(result)),
    };
    const { callback } = config;
    const told = new Promise((resolve) => (config.told = resolve));
    const returned = String(client.query(config));
    return { returned, same: config.callback === callback, ...(await told) };
  },
  "config that is used again": () =>
    called((done) => client.query(reused, (...args) => done(...args))).then((seen) => ({
      ...seen,
      keys: Object.keys(reused),
    })),
  "query object": () =>
    read(client.query(new pg.Query("SELECT id FROM items ORDER BY embedding <+> '[5,0]' LIMIT 3"))),
  "query object with callback": () =>
    called((done) => {
      const query = new pg.Query(SEARCH, [NEAR]);
      return client.query(query, done) === query ? "the object" : "another";
    }),
  "query object, failed": () =>
    read(client.query(new pg.Query("SELECT id FROM absent ORDER BY embedding <=> '[5,0]'"))),
  cursor: async () => {
    const cursor = new Cursor("SELECT id FROM items ORDER BY embedding <=> '[2,0]' LIMIT 2");
    return { same: client.query(cursor) === cursor, seen: await cursor.done };
  },
  "cursor, failed": () =>
    client.query(new Cursor("SELECT id FROM absent ORDER BY embedding <=> '[2,0]'")).done,
  "empty result": async () =>
    rows(
      await client.query(`SELECT id FROM items WHERE id > 99 ORDER BY embedding <=> $1`, [NEAR]),
    ),
  "limit as parameter": async () =>
    rows(await client.query("SELECT id FROM items ORDER BY embedding <#> $1 LIMIT $2", [NEAR, 3])),
  function: async () =>
    rows(
      await client.query(
        "SELECT id FROM items ORDER BY l2_distance(embedding, $1) FETCH FIRST 1 ROWS ONLY",
        [NEAR],
      ),
    ),
  hybrid: async () => rows(await client.query(HYBRID, [NEAR, "x"])),
  "no table": async () =>
    rows(await client.query("SELECT id FROM absent ORDER BY e <=> $1", [NEAR])),
  "no table, callback": () =>
    called((done) => client.query("SELECT id FROM absent ORDER BY e <=> $1", [NEAR], done)),
  "bad arguments": () => client.query(null),
  "statement timeout": async () => {
    await client.query("SET statement_timeout = 20");
    try {
      return await client.query("SELECT pg_sleep(2), embedding <=> $1 FROM items", [NEAR]);
    } finally {
      await client.query("SET statement_timeout = 0");
    }
  },
  "query timeout": async () => {
    const other = new pg.Client({ ...settings, query_timeout: 20 });
    other.on("error", () => undefined);
    await other.connect();
    try {
      return await other.query("SELECT pg_sleep(2), embedding <=> $1 FROM items", [NEAR]);
    } finally {
      other.connection.stream.destroy();
    }
  },
  "nobody listens": async () => {
    const other = new pg.Pool({ ...settings, port: 1 });
    return rows(await other.query(SEARCH, [NEAR]));
  },
  "pool, promise": async () => rows(await pool.query(SEARCH, [NEAR])),
  "pool, callback": () => called((done) => pool.query(SEARCH, [NEAR], done)),
  "pool, client": async () => {
    const own = await wide.connect();
    try {
      await own.query("BEGIN");
      const found = rows(await own.query(SEARCH, [NEAR]));
      await own.query("COMMIT");
      return found;
    } finally {
      own.release();
    }
  },
  "pool, client by callback": () =>
    new Promise((resolve, reject) =>
      wide.connect((problem, own, release) => {
        own.query(SEARCH, [NEAR], (error, result) => {
          release();
          if (error) reject(error);
          else resolve(rows(result));
        });
      }),
    ),
  "traced by the service": () =>
    traced(
      (query) => pool.query(SEARCH, [NEAR]).then((result) => ({ query, documents: result.rows })),
      {
        name: "handbook",
      },
    )("trains"),
  "several statements": async () => {
    const results = await client.query(
      "SELECT id FROM items ORDER BY embedding <=> '[2,0]' LIMIT 1; SELECT 1 AS id",
    );
    return results.map(rows);
  },
  // No searches.
  "other query": async () => rows(await client.query("SELECT 1 < 2 AS less, 'a <=> b' AS text")),
  "other distance": async () =>
    rows(await client.query("SELECT id FROM items ORDER BY spot <-> point(2, 0) LIMIT 1")),
  "writes a distance": async () =>
    rows(
      await client.query("UPDATE items SET content = content WHERE (embedding <=> $1) < 0", [NEAR]),
    ),
};

const outcome = async (name, work) => {
  try {
    return { value: await run(name, work) };
  } catch (error) {
    return { threw: `${error?.constructor?.name} ${error?.code}: ${error?.message}` };
  }
};

const seen = {};
for (const [name, situation] of Object.entries(SITUATIONS))
  seen[name] = await outcome(name, situation);
// One connection for all: each waits for it, and gets it in the middle of another's query.
const limited = (count) => `SELECT id FROM items ORDER BY embedding <=> $1 LIMIT ${count}`;
seen["concurrent"] = await Promise.all(
  [1, 2, 3, 4].map((count) =>
    outcome(`concurrent ${count}`, async () => rows(await pool.query(limited(count), [NEAR]))),
  ),
);
seen["concurrent, traced"] = await Promise.all(
  [1, 2, 3].map((count) =>
    outcome(`concurrent, traced ${count}`, () =>
      traced(async () => (await pool.query(limited(count), [NEAR])).rows, { name: "handbook" })(),
    ),
  ),
);
if (assay)
  for (const object of [client, pool])
    if (assay.instrumentRetriever(object) !== object) throw new Error("another object");

await Promise.all([client.end(), pool.end(), wide.end()]);
await assay?.flush();
const report = assay && {
  errors: assay.stats().instrumentationErrors,
  warnings: assay.status().warnings,
};
process.stdout.write(`${JSON.stringify({ seen, report })}\n`, () => process.exit(0));
