/** What the checks say now: what fires, since when, how sure, and what moved it. */
import { type CheckRow, type Checks as ChecksAnswer, address, useAnswer } from "./api.ts";
import { count, duration, moment, usd } from "./format.ts";
import { type Place, go } from "./location.ts";
import { Incidents } from "./incidents.tsx";
import { Failed } from "./notices.tsx";

const NAMES: Record<string, string> = {
  firing: "firing",
  warn: "warning",
  muted: "held back",
  too_few: "too few to tell",
  no_data: "no data",
  ok: "fine",
};

export function Checks({ place, round }: { place: Place; round: number }) {
  const query = { from: "now-2d", to: "now", project: place.project };
  const answer = useAnswer<ChecksAnswer>(address("/api/v1/checks", query), round);
  if (answer.state === "failed") return <Failed message={answer.message} />;
  if (answer.state !== "ready")
    return (
      <p class="loading" role="status">
        Loading…
      </p>
    );
  const rows = answer.value.checks.filter(({ project }) => project !== "");
  const known = rows.filter(isKnown);
  if (rows.length === 0)
    return (
      <section class="card empty" data-testid="no-checks">
        <h1>No check has found anything yet</h1>
        <p>
          The collector evaluates its checks every minute or so, over stored traffic. Is it running,
          and not with <code>ASSAY_CHECKS=off</code>? See docs/checks.md.
        </p>
      </section>
    );
  const firing = known.filter(({ state }) => state === "firing");
  return (
    <div data-testid="checks">
      <section class="tiles" aria-label="Summary">
        <Tile name="Firing" value={firing.length} bad={firing.length > 0} />
        <Tile name="Held back" value={known.filter(({ state }) => state === "muted").length} />
        <Tile name="Fine" value={known.filter(({ state }) => state === "ok").length} />
        <Tile name="Too few or no data" value={rows.length - known.length} />
      </section>
      <Incidents place={place} round={round} />
      <section class="card" aria-label="Checks">
        <h2>Checks</h2>
        {known.length > 0 ? (
          <CheckTable testId="checks-table" rows={known} place={place} />
        ) : (
          <p class="muted">None has data enough to tell yet.</p>
        )}
        {known.length < rows.length && (
          <details>
            <summary>Too few or no data</summary>
            <CheckTable
              testId="unknown-checks-table"
              rows={rows.filter((row) => !isKnown(row))}
              place={place}
            />
          </details>
        )}
      </section>
    </div>
  );
}

function isKnown({ state }: CheckRow): boolean {
  return state !== "no_data" && state !== "too_few";
}

function CheckTable({
  testId,
  rows,
  place,
}: {
  testId: string;
  rows: readonly CheckRow[];
  place: Place;
}) {
  return (
    <div class="scroll">
      <table data-testid={testId}>
        <thead>
          <tr>
            <th>State</th>
            <th>Project</th>
            <th>Check</th>
            <th>Of</th>
            <th class="num">Now</th>
            <th class="num">Compared with</th>
            <th>Since</th>
            <th>Why</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <CheckLine key={`${row.check}/${row.project}/${row.series}`} row={row} place={place} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Tile({ name, value, bad = false }: { name: string; value: number; bad?: boolean }) {
  return (
    <div class={`card tile${bad ? " bad" : ""}`}>
      <span>{name}</span>
      <strong>{count(value)}</strong>
    </div>
  );
}

function CheckLine({ row, place }: { row: CheckRow; place: Place }) {
  const fires = row.state === "firing";
  const badge = fires
    ? row.severity === "page"
      ? "bad"
      : "warn"
    : row.state === "ok"
      ? "good"
      : "";
  return (
    <tr>
      <td>
        <span class={`badge ${badge}`}>{NAMES[row.state] ?? row.state}</span>
      </td>
      <td>
        <button type="button" class="link" onClick={() => go({ ...place, project: row.project })}>
          {row.project}
        </button>
      </td>
      <td class={fires ? "strong" : ""}>{row.check}</td>
      <td class="muted">{row.series}</td>
      <td class="num" title={intervalOf(row)}>
        {inUnit(row.estimate, row.unit)}
      </td>
      <td class="num muted">{inUnit(row.baseline ?? row.threshold, row.unit)}</td>
      <td class="muted">{row.since ? moment(row.since) : ""}</td>
      <td>
        {row.reason} {fires && <Worst row={row} place={place} />}
      </td>
    </tr>
  );
}

function Worst({ row, place }: { row: CheckRow; place: Place }) {
  return (
    <>
      {row.worst_traces.slice(0, 3).map((traceId, i) => (
        <button
          key={traceId}
          type="button"
          class="link"
          onClick={() => go({ ...place, view: "trace", traceId, span: "" })}
        >
          worst {i + 1}
        </button>
      ))}
    </>
  );
}

function intervalOf({ low, high, n, unit }: CheckRow): string {
  const interval =
    low === null || high === null ? "" : `95 %: ${inUnit(low, unit)} to ${inUnit(high, unit)}, `;
  return `${interval}${count(n)} records`;
}

function inUnit(value: number | null, unit: string): string {
  if (value === null) return "–";
  if (unit === "ratio") return `${(value * 100).toFixed(1)} %`;
  if (unit === "ms") return duration(value);
  if (unit.startsWith("usd")) return `${usd(String(value))}${unit.slice(3)}`;
  if (unit === "score") return (value * 100).toFixed(1);
  return count(value);
}
