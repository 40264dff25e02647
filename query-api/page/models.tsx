/** The models in use: a table, and cost against quality where both are known. */
import { type ModelRow, type Models, address, useAnswer } from "./api.ts";
import { count, duration, percent, usd } from "./format.ts";
import { Failed } from "./notices.tsx";

const STANDING: Record<ModelRow["pareto"], string> = {
  front: "best of its price",
  beaten: "beaten",
  perhaps_beaten: "perhaps beaten",
  unknown: "",
};

export function ModelsCard({
  query,
  round,
}: {
  query: Record<string, string | undefined>;
  round: number;
}) {
  const answer = useAnswer<Models>(address("/api/v1/models", query), round);
  if (answer.state === "failed") return <Failed message={answer.message} />;
  if (answer.state !== "ready" || answer.value.models.length === 0) return null;
  const { models } = answer.value;
  return (
    <section class="card" aria-label="Models">
      <h2>Models side by side</h2>
      <CostAndQuality models={models} />
      <div class="scroll">
        <table data-testid="models-table">
          <thead>
            <tr>
              <th>Model</th>
              <th>Provider</th>
              <th class="num">Calls</th>
              <th class="num">Failed</th>
              <th class="num">Cost</th>
              <th class="num">A call</th>
              <th class="num">Quality</th>
              <th class="num">p50</th>
              <th class="num">p95</th>
              <th class="num">Tokens/s</th>
              <th>Standing</th>
            </tr>
          </thead>
          <tbody>
            {models.map((row) => (
              <ModelLine key={`${row.provider}/${row.model}`} row={row} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function ModelLine({ row }: { row: ModelRow }) {
  const { quality, error_share: errors } = row;
  return (
    <tr>
      <td class="strong">{row.model || "unknown model"}</td>
      <td class="muted">{row.provider}</td>
      <td class="num">{count(row.calls)}</td>
      <td class="num" title={`95 %: ${percent(errors.low, 1)} to ${percent(errors.high, 1)}`}>
        {percent(errors.value, 1)}
      </td>
      <td class="num strong">{usd(row.cost)}</td>
      <td class="num">{row.cost_per_call === null ? "–" : usd(String(row.cost_per_call))}</td>
      <td class={`num${quality?.too_few ? " muted" : ""}`} title={quality ? interval(quality) : ""}>
        {quality?.mean == null ? "–" : (quality.mean * 100).toFixed(1)}
      </td>
      <td class="num">{duration(row.latency_p50)}</td>
      <td class="num">{duration(row.latency_p95)}</td>
      <td class="num">{row.output_tokens_per_second?.toFixed(0) ?? "–"}</td>
      <td title={row.beaten_by.length > 0 ? `by ${row.beaten_by.join(", ")}` : ""}>
        {row.pareto !== "unknown" && (
          <span class={`badge${row.pareto === "front" ? " good" : ""}`}>
            {STANDING[row.pareto]}
          </span>
        )}
      </td>
    </tr>
  );
}

function interval({ low, high, n }: NonNullable<ModelRow["quality"]>): string {
  if (low === null || high === null) return "";
  return `95 %: ${(low * 100).toFixed(1)} to ${(high * 100).toFixed(1)}, ${count(n)} scores`;
}

const WIDTH = 960;
const HEIGHT = 220;
const MARGIN = 40;

/** Cost of a call from left to right (by logarithm), quality upwards, with its interval. */
function CostAndQuality({ models }: { models: readonly ModelRow[] }) {
  const known = models.flatMap(({ model, cost_per_call: cost, quality, pareto }) =>
    cost && quality?.mean != null
      ? [{ model, cost, pareto, mean: quality.mean, low: quality.low, high: quality.high }]
      : [],
  );
  if (known.length < 2) return null;
  const logs = known.map(({ cost }) => Math.log(cost));
  const [left, right] = [Math.min(...logs), Math.max(...logs)];
  const bottom = Math.min(...known.map(({ mean, low }) => low ?? mean));
  const top = Math.max(...known.map(({ mean, high }) => high ?? mean));
  const x = (cost: number): number =>
    MARGIN + ((Math.log(cost) - left) / (right - left || 1)) * (WIDTH - 2 * MARGIN);
  const y = (value: number): number =>
    HEIGHT - MARGIN - ((value - bottom) / (top - bottom || 1)) * (HEIGHT - 2 * MARGIN);
  return (
    <svg class="pareto" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" data-testid="pareto">
      <title>Quality against the cost of a call</title>
      <text x={WIDTH / 2} y={HEIGHT - 8} class="label">
        cost of a call →
      </text>
      <text x="4" y="14" class="label start">
        quality ↑
      </text>
      {known.map(({ model, cost, pareto, mean, low, high }) => (
        <g key={model} class={pareto}>
          <line x1={x(cost)} x2={x(cost)} y1={y(low ?? mean)} y2={y(high ?? mean)} />
          <circle cx={x(cost)} cy={y(mean)} r="5" />
          <Label x={x(cost)} y={y(mean) + 4} text={`${model} ${usd(String(cost))}`} />
        </g>
      ))}
    </svg>
  );
}

/** On the side that has room. */
function Label({ x, y, text }: { x: number; y: number; text: string }) {
  const right = x < WIDTH / 2;
  return (
    <text x={right ? x + 9 : x - 9} y={y} class={right ? "start" : "end"}>
      {text}
    </text>
  );
}
