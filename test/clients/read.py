"""Reads through the read-only endpoint with clickhouse-connect; prints what it found as JSON."""
import json
import sys

import clickhouse_connect

client = clickhouse_connect.get_client(
    host="127.0.0.1", port=int(sys.argv[1]), username="reader", database="assay"
)
query = client.query(
    "SELECT name, cost, attrs FROM read WHERE name = {name:String}", parameters={"name": "chat"}
)
with client.query_rows_stream("SELECT number FROM numbers(100000)") as rows:
    total = sum(row[0] for row in rows)
try:
    client.command("INSERT INTO read VALUES ('x', 1, {})")
    refused = ""
except clickhouse_connect.driver.exceptions.DatabaseError as error:
    refused = str(error)
print(
    json.dumps(
        {
            "rows": [[name, str(cost), attrs] for name, cost, attrs in query.result_rows],
            "total": total,
            "refused": "READONLY" in refused or "readonly" in refused,
        }
    )
)
