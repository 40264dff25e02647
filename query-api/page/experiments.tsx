/** Runs of experiments: what each came to, and two of one experiment item by item. */
import { useState } from "preact/hooks";
import { type Experiments as Answer, type ExperimentRun, address, useAnswer } from "./api.ts";
import { count, moment } from "./format.ts";
import { Failed } from "./notices.tsx";

const RANGE = { from: "now-366d", to: "now" };

export function Experiments({ round }: { round: number }) {
  const [chosen, setChosen] = useState<{ experiment: string; runs: readonly string[] }>({
    experiment: "",
    runs: [],
  });
  const answer = useAnswer<Answer>(address("/api/v1/experiments", RANGE), round);
  if (answer.state === "failed") return <Failed message={answer.message} />;
  if (answer.state !== "ready")
    return (
      <p class="loading" role="status">
        Loading…
      </p>
    );
  const { runs } = answer.value;
  if (runs.length === 0)
    return (
      <section class="card empty" data-testid="no-experiments">
        <h1>No experiment was run</h1>
        <p>
          A dataset can be answered by several models or prompts, judged and compared:{" "}
          <code>assay experiment run</code> (docs/experiments.md).
        </p>
      </section>
    );
  const toggle = ({ experiment, run }: ExperimentRun): void =>
    setChosen((now) => {
      const before = now.experiment === experiment ? now.runs : [];
      const after = before.includes(run)
        ? before.filter((one) => one !== run)
        : [...before, run].slice(-2);
      return { experiment, runs: after };
    });
  return (
    <div data-testid="experiments">
      {[...Map.groupBy(runs, ({ experiment }) => experiment)].map(([experiment, own]) => (
        <section class="card" key={experiment} aria-label={experiment}>
          <h2>
            {experiment} <small class="muted">choose two runs to compare them</small>
          </h2>
          <Runs
            runs={own}
            chosen={chosen.experiment === experiment ? chosen.runs : []}
            toggle={toggle}
          />
          {chosen.experiment === experiment && chosen.runs.length === 2 && (
            <Comparison experiment={experiment} runs={chosen.runs} round={round} />
          )}
        </section>
      ))}
    </div>
  );
}

interface RunsProps {
  runs: readonly ExperimentRun[];
  chosen: readonly string[];
  toggle: (run: ExperimentRun) => void;
}

function Runs({ runs, chosen, toggle }: RunsProps) {
  const metrics = [...new Set(runs.flatMap((run) => run.metrics.map(({ metric }) => metric)))];
  return (
    <div class="scroll">
      <table data-testid="runs-table">
        <thead>
          <tr>
            <th>Compare</th>
            <th>Run</th>
            <th>Began</th>
            <th>Model</th>
            <th>Prompt</th>
            <th class="num">Items</th>
            {metrics.map((metric) => (
              <th class="num" key={metric}>
                {metric.replaceAll("_", " ")}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.run}>
              <td>
                <input
                  type="checkbox"
                  checked={chosen.includes(run.run)}
                  onChange={() => toggle(run)}
                  aria-label={`compare ${run.run}`}
                />
              </td>
              <td>
                {run.run} {run.finished_at === null && <span class="badge warn">not finished</span>}
              </td>
              <td class="muted">{moment(run.started_at)}</td>
              <td>{run.model || "answers given"}</td>
              <td class="muted">{run.prompt_version}</td>
              <td class="num" title={`dataset ${run.dataset_hash.slice(0, 8)}`}>
                {count(run.items)}
                {run.failed > 0 && <span class="bad-text"> ({count(run.failed)} failed)</span>}
              </td>
              {metrics.map((metric) => (
                <Mean key={metric} of={run.metrics.find((one) => one.metric === metric)} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** From 0, the worst, to 100. */
function Mean({ of }: { of: ExperimentRun["metrics"][number] | undefined }) {
  if (!of || of.mean === null) return <td class="num muted">–</td>;
  const { mean, low, high, n } = of;
  const interval =
    low === null || high === null ? "" : `${points(low)} to ${points(high)}, ${count(n)} scored`;
  return (
    <td class="num" title={interval}>
      {points(mean)}
    </td>
  );
}

function points(norm: number): string {
  return (norm * 100).toFixed(1);
}

function signed(difference: number | null): string {
  return difference === null
    ? "–"
    : `${difference >= 0 ? "+" : "−"}${points(Math.abs(difference))}`;
}

interface ComparisonProps {
  experiment: string;
  runs: readonly string[];
  round: number;
}

function Comparison({ experiment, runs, round }: ComparisonProps) {
  const query = { ...RANGE, experiment, compare: runs.join(",") };
  const answer = useAnswer<Answer>(address("/api/v1/experiments", query), round);
  if (answer.state === "failed") return <Failed message={answer.message} />;
  const found = answer.state === "ready" ? answer.value.comparison : undefined;
  if (!found) return null;
  return (
    <div data-testid="experiment-comparison">
      <h3>
        {found.first} less {found.second}
        {!found.same_dataset && <small class="muted"> over the items that both have</small>}
      </h3>
      <table>
        <tbody>
          {found.metrics.map(({ metric, difference, low, high, n, stands, better, worse }) => (
            <tr key={metric}>
              <td>{metric.replaceAll("_", " ")}</td>
              <td class={`num${stands ? " strong" : " muted"}`}>{signed(difference)}</td>
              <td class="muted">
                {signed(low)} to {signed(high)}
              </td>
              <td class="muted">
                {count(n)} items, {count(better)} better, {count(worse)} worse
                {!stands && "; may be chance"}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {found.items.slice(0, 20).map((item) => (
        <details key={item.item}>
          <summary>
            {signed(item.difference)} {item.question}
          </summary>
          <p>
            <b>{found.first}</b> {item.first_answer}
          </p>
          <p>
            <b>{found.second}</b> {item.second_answer}
          </p>
          {item.reference && (
            <p class="muted">
              <b>reference</b> {item.reference}
            </p>
          )}
        </details>
      ))}
    </div>
  );
}
