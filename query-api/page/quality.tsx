/** How good the answers are, how sure that is, and the worst of them with their judges' reasons. */
import { useMemo, useState } from "preact/hooks";
import { type Judgements, type QualityAnswer, type QualityRow, address, useAnswer } from "./api.ts";
import { Chart, type Intervals, type Series } from "./chart.tsx";
import { count, moment } from "./format.ts";
import { Failed } from "./notices.tsx";
import { type Place, STEPS, go } from "./location.ts";
import { DeterminismCard, JudgesCard } from "./reliability.tsx";

const FIRST = "composite";

export function Quality({ place, round }: { place: Place; round: number }) {
  const [chosen, setChosen] = useState(FIRST);
  const { step, seconds } = STEPS[place.range];
  const base = {
    from: `now-${place.range}`,
    to: "now",
    project: place.project,
    model: place.model,
  };
  const all = useAnswer<QualityAnswer>(address("/api/v1/quality", base), round);
  const metrics = all.state === "ready" ? all.value.rows : [];
  const metric = metrics.some((row) => row.metric === chosen) ? chosen : (metrics[0]?.metric ?? "");
  if (all.state === "failed") return <Failed message={all.message} />;
  if (all.state !== "ready")
    return (
      <p class="loading" role="status">
        Loading…
      </p>
    );
  if (metric === "") return <NothingJudged />;
  const of = { ...base, metric };
  return (
    <div data-testid="quality">
      <section class="tiles" aria-label="Metrics">
        {metrics.map((row) => (
          <MetricTile
            key={row.metric}
            row={row}
            chosen={row.metric === metric}
            choose={() => setChosen(row.metric)}
          />
        ))}
      </section>
      <OverTime query={{ ...of, step }} metric={metric} seconds={seconds} round={round} />
      <Parts query={{ ...of, by: "project,model,release" }} round={round} place={place} />
      <Worst query={{ ...of, order: "worst", limit: "20" }} round={round} place={place} />
      <JudgesCard query={{ from: base.from, to: base.to, project: base.project }} round={round} />
      <DeterminismCard query={base} round={round} />
    </div>
  );
}

type Query = Parameters<typeof address>[1];

function NothingJudged() {
  return (
    <section class="card empty" data-testid="nothing-judged">
      <h1>No answer was judged in this range</h1>
      <p>
        A sample of the answers can be scored by models: set <code>ASSAY_JUDGE</code> to a file that
        says which (docs/judging.md). Only answers whose content was captured can be judged.
      </p>
    </section>
  );
}

function MetricTile({
  row,
  chosen,
  choose,
}: {
  row: QualityRow;
  chosen: boolean;
  choose: () => void;
}) {
  const missing = row.failed + row.abstained;
  return (
    <button
      type="button"
      class={`card tile${chosen ? " chosen" : ""}`}
      aria-pressed={chosen}
      data-testid={`metric-${row.metric}`}
      onClick={choose}
    >
      <span>{row.metric.replaceAll("_", " ")}</span>
      <strong class={row.too_few ? "muted" : ""}>{percentage(row.mean)}</strong>
      <small>{row.mean === null ? "no score" : intervalOf(row)}</small>
      {row.calibrated && (
        <small title="By people's labels of a part of the records">
          people: {percentage(row.calibrated.mean)}, {percentage(row.calibrated.low)} to{" "}
          {percentage(row.calibrated.high)}
        </small>
      )}
      <small class={missing > 0 ? "bad-text" : "muted"}>
        {count(row.n)} scored{missing > 0 ? `, ${count(missing)} without a score` : ""}
      </small>
      {row.unreliable && row.worst_case && (
        <small
          class="bad-text"
          title="If all judgements that failed were the worst, or the best, score"
        >
          so many failed: {percentage(row.worst_case.low)} to {percentage(row.worst_case.high)}
        </small>
      )}
    </button>
  );
}

function intervalOf({ low, high, too_few }: QualityRow): string {
  if (low === null || high === null || too_few) return "too few to tell";
  return `${percentage(low)} to ${percentage(high)}`;
}

function peopleOf({ calibrated }: QualityRow): string {
  if (!calibrated) return "";
  const { mean, low, high } = calibrated;
  return `${percentage(mean)} (${percentage(low)} to ${percentage(high)})`;
}

/** 0 is the worst score, 100 the best. */
function percentage(norm: number | null): string {
  return norm === null ? "–" : (norm * 100).toFixed(1);
}

function OverTime({
  query,
  metric,
  seconds,
  round,
}: {
  query: Query;
  metric: string;
  seconds: number;
  round: number;
}) {
  const answer = useAnswer<QualityAnswer>(address("/api/v1/quality", query), round);
  const value = answer.state === "ready" ? answer.value : undefined;
  const times = useMemo(() => timesOf(value, seconds), [value, seconds]);
  const lines = useMemo(() => linesOf(value?.rows ?? [], times), [value, times]);
  if (answer.state === "failed") return <Failed message={answer.message} />;
  return (
    <div class="charts wide">
      <Chart
        title={`${metric.replaceAll("_", " ")}, with 95 % interval`}
        testId="chart-quality"
        times={times}
        series={lines.series}
        intervals={lines.intervals}
        format={(norm) => percentage(norm)}
      />
    </div>
  );
}

function timesOf(answer: QualityAnswer | undefined, seconds: number): number[] {
  if (!answer) return [];
  const first = Math.floor(Date.parse(answer.from) / 1000 / seconds) * seconds;
  const steps = Math.ceil((Date.parse(answer.to) / 1000 - first) / seconds);
  return Array.from({ length: Math.max(1, steps) }, (_, i) => first + i * seconds);
}

function linesOf(
  rows: readonly QualityRow[],
  times: readonly number[],
): { series: Series[]; intervals: Intervals } {
  const byTime = new Map(rows.map((row) => [Date.parse(row.time ?? "") / 1000, row]));
  const valuesOf = (value: "mean" | "low" | "high"): (number | null)[] =>
    times.map((time) => byTime.get(time)?.[value] ?? null);
  return {
    series: [{ name: "mean", colour: "--c0", values: valuesOf("mean") }],
    intervals: {
      name: "95 % interval",
      colour: "--c0",
      low: valuesOf("low"),
      high: valuesOf("high"),
    },
  };
}

function Parts({ query, round, place }: { query: Query; round: number; place: Place }) {
  const answer = useAnswer<QualityAnswer>(address("/api/v1/quality", query), round);
  if (answer.state === "failed") return <Failed message={answer.message} />;
  if (answer.state !== "ready") return null;
  return (
    <section class="card" aria-label="By project, model and release">
      <h2>By project, model and release</h2>
      <div class="scroll">
        <table data-testid="quality-table">
          <thead>
            <tr>
              <th>Project</th>
              <th>Model</th>
              <th>Release</th>
              <th class="num">Mean</th>
              <th>95 % interval</th>
              <th>By people's labels</th>
              <th class="num">Scored</th>
              <th class="num">Failed</th>
              <th class="num">With a reference</th>
            </tr>
          </thead>
          <tbody>
            {answer.value.rows.slice(0, 100).map((row) => (
              <tr key={`${row.project}/${row.model}/${row.release}`}>
                <td>
                  <button
                    type="button"
                    class="link"
                    onClick={() => go({ ...place, project: row.project ?? "" })}
                  >
                    {row.project}
                  </button>
                </td>
                <td>{row.model || "unknown model"}</td>
                <td>{row.release}</td>
                <td class={`num strong${row.too_few ? " muted" : ""}`}>{percentage(row.mean)}</td>
                <td class="muted">{intervalOf(row)}</td>
                <td class="muted">{peopleOf(row)}</td>
                <td class="num">{count(row.n)}</td>
                <td class={`num${row.failed > 0 ? " bad-text" : " muted"}`}>{count(row.failed)}</td>
                <td class="num">{count(row.with_reference)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Worst({ query, round, place }: { query: Query; round: number; place: Place }) {
  const answer = useAnswer<Judgements>(address("/api/v1/evaluations", query), round);
  if (answer.state === "failed") return <Failed message={answer.message} />;
  if (answer.state !== "ready") return null;
  return (
    <section class="card" aria-label="The worst answers">
      <h2>The worst answers, and why</h2>
      <div class="scroll">
        <table data-testid="worst-table">
          <thead>
            <tr>
              <th class="num">Score</th>
              <th>Reasons</th>
              <th>Model</th>
              <th>Judge</th>
              <th>When</th>
            </tr>
          </thead>
          <tbody>
            {answer.value.evaluations.map((one) => (
              <tr key={one.evaluation_id}>
                <td class="num strong">{percentage(one.norm)}</td>
                <td>
                  {one.explanation || partsOf(one.evidence) || one.label}
                  {one.injection_suspected && <span class="badge warn">talks to its judge</span>}
                </td>
                <td>{one.model}</td>
                <td class="muted">{one.evaluator}</td>
                <td>
                  <button
                    type="button"
                    class="link"
                    onClick={() =>
                      go({ ...place, view: "trace", traceId: one.trace_id, span: one.span_id })
                    }
                  >
                    {moment(one.time)}
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** Of a composite, whose evidence are the scores that it is made of: the lowest first. Empty: this is none. */
function partsOf(evidence: string): string {
  if (!evidence.startsWith("{")) return "";
  const scores = Object.entries(JSON.parse(evidence) as Record<string, number | null>);
  return scores
    .toSorted(([, a], [, b]) => (a ?? 2) - (b ?? 2))
    .map(([metric, norm]) => `${metric.replaceAll("_", " ")} ${percentage(norm)}`)
    .join(" · ");
}
