/**
 * For tests: what people have tried, or might, to get out of `assay` through the reader's endpoint. Each must be refused, whatever the
 * way it is written.
 *
 * SECRET is a file beside the data, WRITTEN one that must not come to be, CANARY a server that must not be reached;
 * `other.t` a table of another database that holds what SECRET holds.
 */
export interface Attempt {
  sql: string;
  /** In the URL. */
  params?: Record<string, string>;
}

type Attempts = Record<string, string | Attempt>;

const files: Attempts = {
  "a function called by name": "SELECT arrayMap(file, ['SECRET'])",
  "the same in brackets": "SELECT arrayMap(((file)), ['SECRET'])",
  "the same quoted": "SELECT arrayMap(`file`, ['SECRET'])",
  "APPLY to a star": "SELECT * APPLY file FROM (SELECT 'SECRET')",
  "APPLY in brackets": "SELECT * APPLY(file) FROM (SELECT 'SECRET')",
  "APPLY of a lambda": "SELECT * APPLY(x -> file(x)) FROM (SELECT 'SECRET')",
  "APPLY to COLUMNS": "SELECT COLUMNS('p') APPLY (file) FROM (SELECT 'SECRET' AS p)",
  "a lambda with a name": "WITH x -> file(x) AS f SELECT f('SECRET')",
  "an alias column of generateRandom":
    "SELECT s FROM generateRandom('a UInt8, s String ALIAS file(\\'SECRET\\')') LIMIT 1",
  "a structure put together":
    "SELECT s FROM generateRandom(concat('a UInt8, s String AL', 'IAS fi', 'le(\\'SECRET\\')')) LIMIT 1",
  "an alias column of values":
    "SELECT s FROM values('a UInt8, s String ALIAS file(\\'SECRET\\')', 1)",
  "a default of values":
    "SELECT s FROM values('a UInt8, s String default file(\\'SECRET\\')', (1, 'x'))",
  "a keyword escaped": "SELECT s FROM values('a UInt8, s String \\x41LIAS file(\\'SECRET\\')', 1)",
  "a structure from a parameter": {
    sql: "SELECT s FROM values({x:String}, 1)",
    params: { param_x: "a UInt8, s String ALIAS file('SECRET')" },
  },
  "an alias column of null": "SELECT s FROM null('a UInt8, s String ALIAS file(\\'SECRET\\')')",
  "a default of format, with a harmless setting":
    "SELECT s FROM format(JSONEachRow, 's String DEFAULT file(\\'SECRET\\')', '{}') SETTINGS final = 1",
  "format behind IN":
    "SELECT 1 IN format(JSONEachRow, 'a UInt8 DEFAULT length(file(\\'SECRET\\'))', '{}') SETTINGS final = 1",
  "a filter in the statement":
    "SELECT throwIf(1, 'x') FROM t SETTINGS additional_table_filters = {'assay.t': 'throwIf(1, file(\\'SECRET\\')) = 0'}",
  "a filter of the result":
    "SELECT * FROM t SETTINGS additional_result_filter = 'file(\\'SECRET\\') LIKE \\'%a%\\''",
  "a filter with a comment":
    "SELECT * FROM t SETTINGS additional_result_filter = 'file/* */(\\'SECRET\\') != \\'\\''",
  "a filter with curly quotes":
    "SELECT * FROM t SETTINGS additional_result_filter = '“file”(\\'SECRET\\') != \\'\\''",
  "a filter by higher order":
    "SELECT * FROM t SETTINGS additional_result_filter = 'has(arrayMap(file, [\\'SECRET\\']), \\'x\\')'",
  "a filter from a parameter": {
    sql: "SELECT * FROM t SETTINGS additional_result_filter = {p:String}",
    params: { param_p: "file('SECRET') != ''" },
  },
  "a filter in the URL": {
    sql: "SELECT * FROM t",
    params: { additional_table_filters: "{'assay.t': 'file(\\'SECRET\\') != \\'\\''}" },
  },
  "a filter in the URL, escaped": {
    sql: "SELECT * FROM t",
    params: { additional_table_filters: "{'assay.t': '\\x66ile(\\'SECRET\\') != \\'\\''}" },
  },
  "a subquery in a filter": {
    sql: "SELECT * FROM t",
    params: { additional_result_filter: "s IN (SELECT file('SECRET'))" },
  },
  "another table in a filter": {
    sql: "SELECT * FROM t",
    params: { additional_result_filter: "a IN other.t" },
  },
  "a quoted name with an escape": "SELECT `\\x66ile`('SECRET')",
  "curly quotes": "SELECT “file”(‘SECRET’)",
  "a comment within a comment": "SELECT file/*/**/*/('SECRET')",
  "a non-breaking space": "SELECT\u00a0file('SECRET')",
  "in QUALIFY": "SELECT 1 QUALIFY file('SECRET') = ''",
  "in LIMIT": "SELECT 1 LIMIT length(file('SECRET'))",
  "in REPLACE": "SELECT * REPLACE(file('SECRET') AS s) FROM t",
  "in a window": "SELECT sum(a) OVER (ORDER BY file('SECRET')) FROM t",
  "in PREWHERE": "SELECT s FROM t PREWHERE file('SECRET') = ''",
  "in ARRAY JOIN": "SELECT x FROM t ARRAY JOIN [file('SECRET')] AS x",
  "in CASE": "SELECT CASE WHEN 1 THEN file('SECRET') END",
  "in a recursive CTE":
    "WITH RECURSIVE r AS (SELECT file('SECRET') AS x UNION ALL SELECT x FROM r WHERE 0) SELECT * FROM r",
  "in EXCEPT": "SELECT 'x' EXCEPT SELECT file('SECRET')",
  "in EXPLAIN": "EXPLAIN SYNTAX SELECT file('SECRET')",
  "in DESCRIBE": "DESCRIBE TABLE file('SECRET')",
  "as a table in SHOW": "SHOW CREATE TABLE `SECRET`",
  "a template": {
    sql: "SELECT 1 FORMAT Template",
    params: { format_template_resultset: "SECRET" },
  },
};

const written: Attempts = {
  "the schema of Protobuf, in the URL": {
    sql: "SELECT 1 AS a FORMAT Protobuf",
    params: { output_format_schema: "WRITTEN" },
  },
  "the schema of Protobuf, in the statement":
    "SELECT 1 AS a SETTINGS output_format_schema = 'WRITTEN' FORMAT Protobuf",
  "the same after the format":
    "SELECT 1 AS a FORMAT Protobuf SETTINGS final = 1, output_format_schema = 'WRITTEN'",
  "a file of errors": {
    sql: "SELECT 1",
    params: { input_format_record_errors_file_path: "WRITTEN" },
  },
  "OUTFILE and the answer": "SELECT * FROM t INTO OUTFILE 'WRITTEN' AND STDOUT",
  "OUTFILE behind a comment": "SELECT 1 # x\n INTO OUTFILE 'WRITTEN'",
  "OUTFILE compressed": "SELECT 1 INTO OUTFILE 'WRITTEN' COMPRESSION 'gzip'",
  "OUTFILE of a UNION": "SELECT 1 UNION ALL SELECT 2 INTO OUTFILE 'WRITTEN'",
  "OUTFILE of DESCRIBE": "DESCRIBE TABLE t INTO OUTFILE 'WRITTEN'",
  "two statements": "SELECT 1; INSERT INTO other.t VALUES (2, 'x')",
  "a statement behind a heredoc": "SELECT $x$ ; $x$; DROP TABLE t",
  "a parallel statement": "SELECT 1 PARALLEL WITH DROP TABLE t",
  "an insert explained": "EXPLAIN PIPELINE INSERT INTO t SELECT 5, 'z'",
  "the log": "SELECT logTrace('x')",
};

const reached: Attempts = {
  "url in lower and upper case": "SELECT * FROM UrL('http://CANARY/', 'CSV', 'a Int')",
  "url behind IN": "SELECT 1 IN url('http://CANARY/', 'CSV', 'a Int')",
  "url in brackets behind IN": "SELECT 1 IN (url('http://CANARY/', 'CSV', 'a Int'))",
  "url in a join": "SELECT * FROM t JOIN url('http://CANARY/', 'CSV', 'a Int') AS u ON 1",
  "url with a harmless setting":
    "SELECT * FROM url('http://CANARY/', 'CSV', 'a Int') SETTINGS final = 1",
  "remote, quoted": "SELECT * FROM \"remote\"('CANARY', system.one)",
  "a view of remote": "SELECT * FROM view(SELECT * FROM remote('CANARY', system.one))",
  "a table override": "EXPLAIN TABLE OVERRIDE mysql('CANARY', 'd', 't', 'u', 'p') PARTITION BY a",
  postgresql: "SELECT * FROM postgresql('CANARY', 'd', 't', 'u', 'p')",
  redis: "SELECT * FROM redis('CANARY', 'k', 'k String, v String')",
  "s3 of no signature": "SELECT * FROM s3('http://CANARY/b', NOSIGN, 'CSV', 'a Int')",
  iceberg: "SELECT * FROM iceberg('http://CANARY/b')",
  "a schema registry": {
    sql: "SELECT 1 AS a FORMAT AvroConfluent",
    params: { format_avro_schema_registry_url: "http://CANARY/" },
  },
  "a program": "SELECT * FROM executable('../../bin/sh', 'CSV', 'a Int')",
};

const others: Attempts = {
  "another database": "SELECT * FROM other.t",
  "another database, quoted": 'SELECT * FROM `other` . "t"',
  "another database as the current one": { sql: "SELECT * FROM t", params: { database: "other" } },
  "another database by a parameter": {
    sql: "SELECT * FROM {d:Identifier}.t",
    params: { param_d: "other" },
  },
  "merge of another database": "SELECT * FROM merge('other', '.*')",
  "merge by pattern": "SELECT * FROM merge(REGEXP('oth.*'), 't')",
  "its index": "SELECT * FROM mergeTreeIndex('other', 't')",
  "a view if permitted":
    "SELECT * FROM viewIfPermitted(SELECT * FROM other.t ELSE null('a UInt32, s String'))",
  "as a set": "SELECT * FROM t WHERE (a, s) IN other.t",
  "as a set in brackets": "SELECT * FROM t WHERE (a, s) IN (other.t)",
  "in a CTE": "WITH x AS (SELECT s FROM other.t) SELECT * FROM x",
  "its definition": "SHOW CREATE TABLE other.t",
  "its columns": "DESCRIBE TABLE other.t",
  processes: "SELECT query FROM system.processes",
  "processes, quoted": 'SELECT query FROM "system".`processes`',
  "processes in a subquery": "SELECT (SELECT any(query) FROM system . /* x */ processes)",
  "processes as a set": "SELECT 1 IN system.processes",
  "the process list": "SHOW FULL PROCESSLIST",
  "processes of the current database": {
    sql: "SELECT * FROM processes",
    params: { database: "system" },
  },
  "processes by a parameter": {
    sql: "SELECT * FROM system.{t:Identifier}",
    params: { param_t: "processes" },
  },
  "system by a parameter": {
    sql: "SELECT * FROM {d:Identifier}.processes",
    params: { param_d: "system" },
  },
  "merge of system": "SELECT * FROM merge('sys' || 'tem', 'processes')",
  "a loop over system": "SELECT * FROM loop('system', 'processes') LIMIT 1 SETTINGS final = 1",
  users: "SELECT * FROM system.users",
  "user directories": "SELECT * FROM system.user_directories",
  "the stack": "SELECT * FROM system.stack_trace",
  disks: "SELECT path FROM system.disks",
  "server settings": "SELECT * FROM system.server_settings",
  "a server setting": "SELECT getServerSetting('max_server_memory_usage')",
  "the machine": "SELECT hostName(), FQDN()",
  certificates: "SELECT showCertificate()",
  grants: "SHOW GRANTS FOR default",
  "the other role": "SET ROLE ALL",
  "the other role behind a query": "SELECT 1; SET ROLE ALL",
  "another user": "EXECUTE AS default SELECT 1",
  "a limit lifted": "SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0) SETTINGS final = 1",
  "kill, in a comment's shade": "/* SELECT */ KILL QUERY WHERE 1 ASYNC",
};

export const DENIALS: Record<string, Attempts> = { files, written, reached, others };
