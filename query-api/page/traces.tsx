/** Traces, newest first. */
import { useEffect, useState } from "preact/hooks";
import { type TraceRow, type Traces, address, useAnswer } from "./api.ts";
import { count, duration, moment, usd } from "./format.ts";
import { Empty, Failed } from "./notices.tsx";
import { type Place, go, hashOf } from "./location.ts";

export function TraceList({ place, round }: { place: Place; round: number }) {
  const { range, project, model, status } = place;
  const [cursors, setCursors] = useState<string[]>([]);
  useEffect(() => setCursors([]), [range, project, model, status]);
  const cursor = cursors.at(-1);
  const url = address("/api/v1/traces", {
    from: `now-${range}`,
    to: "now",
    project,
    model,
    status,
    cursor,
    limit: "50",
  });
  const answer = useAnswer<Traces>(url, round);
  if (answer.state === "failed") return <Failed message={answer.message} />;
  if (answer.state === "loading")
    return (
      <p class="loading" role="status">
        Loading…
      </p>
    );
  const { traces, next_cursor: next } = answer.value;
  return (
    <div data-testid="traces">
      <div class="row-title">
        <h1>Traces</h1>
        <div class="ranges" role="group" aria-label="Status">
          {[
            ["", "all"],
            ["ok", "ok"],
            ["error", "failed"],
          ].map(([value, label]) => (
            <button
              key={value}
              type="button"
              aria-pressed={status === value}
              onClick={() => go({ ...place, status: value ?? "" })}
            >
              {label}
            </button>
          ))}
        </div>
      </div>
      {traces.length === 0 ? (
        <Empty filtered={!!(project || model || status || cursor)} />
      ) : (
        <Table traces={traces} place={place} />
      )}
      <div class="pager">
        {cursors.length > 0 && (
          <button type="button" class="button" onClick={() => setCursors(cursors.slice(0, -1))}>
            ← Newer
          </button>
        )}
        {next && (
          <button
            type="button"
            class="button"
            data-testid="older"
            onClick={() => setCursors([...cursors, next])}
          >
            Older →
          </button>
        )}
      </div>
    </div>
  );
}

function Table({ traces, place }: { traces: TraceRow[]; place: Place }) {
  const slowest = Math.max(...traces.map((trace) => trace.duration_ms), 1);
  return (
    <section class="card scroll" aria-label="Traces">
      <table data-testid="trace-table">
        <thead>
          <tr>
            <th>Started</th>
            <th>Trace</th>
            <th>Models</th>
            <th>Duration</th>
            <th class="num">Calls</th>
            <th class="num">Tokens</th>
            <th class="num">Cost</th>
            <th>Status</th>
          </tr>
        </thead>
        <tbody>
          {traces.map((trace) => (
            <tr
              key={trace.trace_id}
              class="clickable"
              data-testid="trace-row"
              onClick={(e) => {
                // A click on the link itself is the browser's: it may open a new tab.
                if (e.target instanceof Element && e.target.closest("a")) return;
                go({ ...place, view: "trace", traceId: trace.trace_id, span: "" });
              }}
            >
              <td class="muted nowrap" title={trace.start}>
                {moment(trace.start)}
              </td>
              <td>
                <a
                  href={hashOf({ ...place, view: "trace", traceId: trace.trace_id, span: "" })}
                  class="strong"
                >
                  {trace.name || "unnamed"}
                </a>
                {trace.root_missing && (
                  <span class="badge" title="The span it began with is not stored">
                    root missing
                  </span>
                )}
                {trace.generated && (
                  <span class="badge" data-testid="generated">
                    generated sample data
                  </span>
                )}
                <small class="muted block">
                  {trace.service} · {trace.projects.join(", ")}
                </small>
              </td>
              <td class="models" title={trace.models.join(", ")}>
                <small>{trace.models.join(", ") || "–"}</small>
              </td>
              <td class="share">
                <meter min={0} max={slowest} value={trace.duration_ms} aria-hidden="true" />
                <small>{duration(trace.duration_ms)}</small>
              </td>
              <td class="num">{count(trace.calls)}</td>
              <td class="num">{count(trace.input_tokens + trace.output_tokens)}</td>
              <td class="num strong" title={trace.cost ?? ""}>
                {trace.cost === null && trace.calls > 0 ? (
                  <span class="badge warn">unpriced</span>
                ) : (
                  usd(trace.cost)
                )}
              </td>
              <td class="nowrap">
                {trace.status === "error" ? (
                  <span class="badge bad">{trace.errors} failed</span>
                ) : (
                  <span class="badge good">ok</span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
