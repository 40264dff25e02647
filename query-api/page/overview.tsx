/** What was spent, how much was asked, what failed and how long it took. */
import { useMemo, useState } from "preact/hooks";
import { type CostRow, type Costs, address, useAnswer } from "./api.ts";
import { Chart, type Series } from "./chart.tsx";
import { Empty, Failed } from "./notices.tsx";
import { count, duration, percent, usd } from "./format.ts";
import { type Place, STEPS, go } from "./location.ts";

type Split = "model" | "project";
const MOST_SERIES = 7;

export function Overview({ place, round }: { place: Place; round: number }) {
  const [split, setSplit] = useState<Split>("model");
  const { step, seconds } = STEPS[place.range];
  const base = {
    from: `now-${place.range}`,
    to: "now",
    project: place.project,
    model: place.model,
  };
  const overall = useAnswer<Costs>(address("/api/v1/costs", { ...base, step }), round);
  const parts = useAnswer<Costs>(address("/api/v1/costs", { ...base, step, by: split }), round);
  const table = useAnswer<Costs>(
    address("/api/v1/costs", { ...base, by: "project,provider,model" }),
    round,
  );
  const failed = [overall, parts, table].find((answer) => answer.state === "failed");
  if (failed?.state === "failed") return <Failed message={failed.message} />;
  if (overall.state !== "ready")
    return (
      <p class="loading" role="status">
        Loading…
      </p>
    );
  if (overall.value.totals.calls === 0)
    return <Empty filtered={!!place.project || !!place.model} />;
  return (
    <div data-testid="overview">
      <Tiles totals={overall.value.totals} />
      <div class="row-title">
        <h1>Over time</h1>
        <div class="ranges" role="group" aria-label="Split cost by">
          {(["model", "project"] as const).map((name) => (
            <button
              key={name}
              type="button"
              aria-pressed={split === name}
              onClick={() => setSplit(name)}
            >
              by {name}
            </button>
          ))}
        </div>
      </div>
      <Charts
        overall={overall.value}
        parts={parts.state === "ready" ? parts.value : undefined}
        split={split}
        seconds={seconds}
      />
      {table.state === "ready" && <CostTable costs={table.value} place={place} />}
    </div>
  );
}

function Tiles({ totals }: { totals: CostRow }) {
  const tokens = totals.input_tokens + totals.output_tokens;
  return (
    <section class="tiles" aria-label="Totals">
      <Tile
        name="cost"
        label="Cost"
        value={usd(totals.cost)}
        note={
          totals.estimated_calls > 0
            ? `${count(totals.estimated_calls)} calls estimated`
            : `${usd(perCall(totals))} a call`
        }
      />
      <Tile
        name="calls"
        label="Model calls"
        value={count(totals.calls)}
        note={`${count(totals.errors)} failed`}
      />
      <Tile
        name="errors"
        label="Error rate"
        value={percent(totals.errors, totals.calls)}
        note="of model calls"
        bad={totals.errors / totals.calls > 0.05}
      />
      <Tile
        name="latency"
        label="Latency p95"
        value={duration(totals.latency_ms.p95)}
        note={`p50 ${duration(totals.latency_ms.p50)} · p99 ${duration(totals.latency_ms.p99)}`}
      />
      <Tile
        name="tokens"
        label="Tokens"
        value={count(tokens)}
        note={`${count(totals.input_tokens)} in · ${count(totals.output_tokens)} out`}
      />
      <Tile
        name="unpriced"
        label="Unpriced calls"
        value={count(totals.unpriced_calls)}
        note={totals.unpriced_calls > 0 ? "missing from cost" : "every call has a price"}
        warn={totals.unpriced_calls > 0}
      />
    </section>
  );
}

function perCall(totals: CostRow): string | null {
  const priced = totals.calls - totals.unpriced_calls;
  return totals.cost === null || priced === 0 ? null : (Number(totals.cost) / priced).toFixed(12);
}

function Tile(props: {
  name: string;
  label: string;
  value: string;
  note: string;
  warn?: boolean;
  bad?: boolean;
}) {
  return (
    <div
      class={`card tile${props.warn ? " warn" : ""}${props.bad ? " bad" : ""}`}
      data-testid={`tile-${props.name}`}
    >
      <span>{props.label}</span>
      <strong>{props.value}</strong>
      <small>{props.note}</small>
    </div>
  );
}

function Charts({
  overall,
  parts,
  split,
  seconds,
}: {
  overall: Costs;
  parts: Costs | undefined;
  split: Split;
  seconds: number;
}) {
  const times = useMemo(() => bucketTimes(overall, seconds), [overall, seconds]);
  const cost = useMemo(
    () => (parts ? costSeries(parts.rows, split, times) : []),
    [parts, split, times],
  );
  const rows = useMemo(() => byTime(overall.rows), [overall]);
  const line = (
    name: string,
    colour: string,
    value: (row: CostRow | undefined) => number | null,
  ): Series => ({
    name,
    colour,
    values: times.map((time) => value(rows.get(time))),
  });
  const calls = useMemo(() => [line("calls", "--c0", (r) => r?.calls ?? 0)], [rows, times]);
  const errors = useMemo(() => [line("errors", "--bad", (r) => r?.errors ?? 0)], [rows, times]);
  const latency = useMemo(
    () => [
      line("p50", "--c2", (r) => r?.latency_ms.p50 ?? null),
      line("p95", "--c3", (r) => r?.latency_ms.p95 ?? null),
      line("p99", "--c5", (r) => r?.latency_ms.p99 ?? null),
    ],
    [rows, times],
  );
  return (
    <div class="charts">
      <Chart
        title={`Cost by ${split}`}
        testId="chart-cost"
        times={times}
        series={cost}
        stacked
        format={(v) => usd(String(v))}
      />
      <Chart
        title="Latency of model calls"
        testId="chart-latency"
        times={times}
        series={latency}
        format={duration}
      />
      <Chart
        title="Model calls"
        testId="chart-calls"
        times={times}
        series={calls}
        stacked
        format={count}
      />
      <Chart
        title="Errors"
        testId="chart-errors"
        times={times}
        series={errors}
        stacked
        format={count}
      />
    </div>
  );
}

function bucketTimes(costs: Costs, seconds: number): number[] {
  const first = Math.floor(Date.parse(costs.from) / 1000 / seconds) * seconds;
  const end = Date.parse(costs.to) / 1000;
  return Array.from(
    { length: Math.max(1, Math.ceil((end - first) / seconds)) },
    (_, i) => first + i * seconds,
  );
}

function byTime(rows: CostRow[]): Map<number, CostRow> {
  return new Map(rows.map((row) => [Date.parse(row.time ?? "") / 1000, row]));
}

/** The dearest few by name, the rest as one. */
function costSeries(rows: CostRow[], split: Split, times: number[]): Series[] {
  const sums = new Map<string, number>();
  for (const row of rows)
    sums.set(row[split] ?? "", (sums.get(row[split] ?? "") ?? 0) + Number(row.cost ?? 0));
  const ranked = [...sums]
    .filter(([, sum]) => sum > 0)
    .sort((a, b) => b[1] - a[1])
    .map(([name]) => name);
  const named = ranked.slice(0, MOST_SERIES);
  const index = new Map(times.map((time, i) => [time, i]));
  const series: Series[] = named.map((name, i) => ({
    name,
    colour: `--c${i}`,
    values: times.map(() => 0),
  }));
  if (ranked.length > MOST_SERIES)
    series.push({ name: "others", colour: "--c7", values: times.map(() => 0) });
  for (const row of rows) {
    const place = named.indexOf(row[split] ?? "");
    const values = (place >= 0 ? series[place] : series[MOST_SERIES])?.values;
    const i = index.get(Date.parse(row.time ?? "") / 1000);
    if (values && i !== undefined) values[i] = (values[i] ?? 0) + Number(row.cost ?? 0);
  }
  return series;
}

function CostTable({ costs, place }: { costs: Costs; place: Place }) {
  const total = Number(costs.totals.cost ?? 0);
  return (
    <section class="card" aria-label="Cost by project and model">
      <h2>Cost by project and model</h2>
      <div class="scroll">
        <table data-testid="cost-table">
          <thead>
            <tr>
              <th>Project</th>
              <th>Model</th>
              <th class="num">Calls</th>
              <th class="num">Errors</th>
              <th class="num">p95</th>
              <th class="num">Tokens</th>
              <th class="num">Cost</th>
              <th>Share</th>
            </tr>
          </thead>
          <tbody>
            {costs.rows.slice(0, 100).map((row) => (
              <tr key={`${row.project}/${row.provider}/${row.model}`}>
                <td>
                  <button
                    type="button"
                    class="link"
                    onClick={() => go({ ...place, project: row.project ?? "" })}
                  >
                    {row.project}
                  </button>
                </td>
                <td>
                  <button
                    type="button"
                    class="link"
                    onClick={() => go({ ...place, model: row.model ?? "" })}
                  >
                    {row.model || "unknown model"}
                  </button>
                  <small class="muted"> {row.provider}</small>
                </td>
                <td class="num">{count(row.calls)}</td>
                <td class={`num${row.errors > 0 ? " bad-text" : " muted"}`}>
                  {percent(row.errors, row.calls)}
                </td>
                <td class="num">{duration(row.latency_ms.p95)}</td>
                <td class="num">{count(row.input_tokens + row.output_tokens)}</td>
                <td class="num strong" title={row.cost ?? "no price known"}>
                  {row.cost === null ? <span class="badge warn">unpriced</span> : usd(row.cost)}
                </td>
                <td class="share">
                  <meter
                    min={0}
                    max={1}
                    value={total > 0 ? Number(row.cost ?? 0) / total : 0}
                    aria-label="share of cost"
                  />
                  <small class="muted">
                    {row.cost === null ? "" : percent(Number(row.cost), total)}
                  </small>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
