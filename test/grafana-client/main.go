// What Grafana's data source does with ClickHouse over HTTP, by the same library (clickhouse-go): connect, ask what the query
// editor asks, and read every type that the dashboards answer with. grafana-client.int.test.ts runs it once for each
// version that a supported data source has, against the embedded engine.
//
// Prints one JSON object a line: {"step", "ok", "answer"}. The test holds the answers against what it expects.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

type step struct {
	Step   string `json:"step"`
	OK     bool   `json:"ok"`
	Answer any    `json:"answer"`
}

func say(name string, answer any, err error) {
	line := step{Step: name, OK: err == nil, Answer: answer}
	if err != nil {
		line.Answer = err.Error()
		var exception *clickhouse.Exception
		if errors.As(err, &exception) {
			line.Answer = fmt.Sprintf("code %d: %s", exception.Code, exception.Message)
		}
	}
	text, fault := json.Marshal(line)
	if fault != nil {
		text, _ = json.Marshal(step{Step: name, Answer: fault.Error()})
	}
	fmt.Println(string(text))
}

// Rows as the data source reads them: into new values of the types that the columns say they have.
func ask(connection *sql.DB, context context.Context, query string) ([][]any, error) {
	rows, err := connection.QueryContext(context, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	answer := [][]any{}
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		into := make([]any, len(types))
		for i, one := range types {
			into[i] = reflect.New(one.ScanType()).Interface()
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]any, len(types))
		for i, one := range into {
			row[i] = reflect.ValueOf(one).Elem().Interface()
		}
		answer = append(answer, row)
	}
	return answer, rows.Err()
}

type query struct {
	Step string `json:"step"`
	SQL  string `json:"sql"`
	// Only how many rows come, of answers of several blocks.
	Count bool `json:"count"`
}

func main() {
	connection := clickhouse.OpenDB(&clickhouse.Options{
		Addr:        []string{os.Getenv("CLICKHOUSE_ADDRESS")},
		Protocol:    clickhouse.HTTP,
		Auth:        clickhouse.Auth{Database: "assay", Username: "reader"},
		DialTimeout: 10 * time.Second,
		ReadTimeout: 30 * time.Second,
		Compression: &clickhouse.Compression{Method: compression()},
	})
	// The data source gives every query a deadline, which becomes max_execution_time.
	withDeadline, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	say("ping", "", connection.PingContext(withDeadline))
	var queries []query
	if err := json.NewDecoder(os.Stdin).Decode(&queries); err != nil {
		say("queries", nil, err)
		return
	}
	for _, one := range queries {
		rows, err := ask(connection, withDeadline, one.SQL)
		if one.Count {
			say(one.Step, len(rows), err)
		} else {
			say(one.Step, rows, err)
		}
	}
	say("close", "", connection.Close())
}

func compression() clickhouse.CompressionMethod {
	if os.Getenv("COMPRESSION") == "gzip" {
		return clickhouse.CompressionGZIP
	}
	return clickhouse.CompressionNone
}
