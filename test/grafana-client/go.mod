module assay/test/grafana-client

go 1.23

require github.com/ClickHouse/clickhouse-go/v2 v2.50.0
