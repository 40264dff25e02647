/** What was paid for: the buckets, what is odd or has no price, budgets, and who spends. */
import { useState } from "preact/hooks";
import { type Budgets, type Ledger, type Review, address, useAnswer } from "./api.ts";
import { count, moment, percent, usd } from "./format.ts";
import { type Place, go } from "./location.ts";
import { Failed } from "./notices.tsx";

type Query = Record<string, string | undefined>;

const STATES: Record<Budgets["budgets"][number]["state"], [text: string, kind: string]> = {
  ok: ["within", "good"],
  warn: ["nearly spent", "warn"],
  forecast_over: ["will not last", "warn"],
  over: ["spent", "bad"],
};

export function BudgetsCard({ round }: { round: number }) {
  const answer = useAnswer<Budgets>("/api/v1/budgets", round);
  if (answer.state === "failed") return <Failed message={answer.message} />;
  if (answer.state !== "ready" || answer.value.budgets.length === 0) return null;
  return (
    <section class="card" aria-label="Budgets">
      <h2>
        Budgets <small class="muted">this month, UTC</small>
      </h2>
      <div class="scroll">
        <table data-testid="budgets">
          <thead>
            <tr>
              <th>Budget</th>
              <th class="num">A month</th>
              <th class="num">Spent</th>
              <th class="num">At this pace</th>
              <th class="num">Last hour's pace</th>
              <th>Gone on</th>
              <th>State</th>
            </tr>
          </thead>
          <tbody>
            {answer.value.budgets.map((one) => (
              <BudgetLine key={`${one.budget} ${Object.values(one.of).join(" ")}`} one={one} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function BudgetLine({ one }: { one: Budgets["budgets"][number] }) {
  const [text, kind] = STATES[one.state];
  const range =
    one.low === null || one.high === null
      ? "too early for an interval"
      : `95 %: ${usd(String(one.low))} to ${usd(String(one.high))}`;
  return (
    <tr>
      <td class="strong">
        {one.budget} <small class="muted">{Object.values(one.of).join(", ")}</small>
      </td>
      <td class="num">{usd(String(one.monthly_usd))}</td>
      <td class="num strong">
        {usd(one.spent)} <small class="muted">{percent(one.spent_share, 1)}</small>
      </td>
      <td class={`num${one.too_early ? " muted" : ""}`} title={range}>
        {usd(String(one.forecast))}
      </td>
      <td class="num">{one.burn_rate === null ? "–" : `${one.burn_rate.toFixed(1)} ×`}</td>
      <td class="muted">{one.exhausted_at === null ? "" : moment(one.exhausted_at)}</td>
      <td>
        <span class={`badge ${kind}`}>{text}</span>
      </td>
    </tr>
  );
}

export function LedgerCard({ query, round }: { query: Query; round: number }) {
  const answer = useAnswer<Ledger>(address("/api/v1/ledger", query), round);
  if (answer.state === "failed") return <Failed message={answer.message} />;
  if (answer.state !== "ready" || answer.value.calls === 0) return null;
  const { cost, buckets, unallocated, unpriced, anomalies, overhead } = answer.value;
  const used = buckets.filter(({ quantity, unit }) => quantity > 0 && unit !== "requests");
  return (
    <section class="card" aria-label="Ledger">
      <h2>
        Ledger{" "}
        <small class="muted">
          every token in one bucket; prices of {answer.value.price_list.published_on}
        </small>
      </h2>
      <div class="scroll">
        <table data-testid="ledger">
          <tbody>
            {used.map((one) => (
              <tr key={one.bucket}>
                <th>{one.bucket.replaceAll("_", " ")}</th>
                <td class="num">
                  {count(one.quantity)} {one.unit}
                </td>
                <td class="num">{usd(one.cost)}</td>
                <td class="num muted">{percent(Number(one.cost), Number(cost))}</td>
              </tr>
            ))}
            {Number(unallocated) > 0 && (
              <tr>
                <th>not split</th>
                <td class="muted">reported, or of a price that is not recorded</td>
                <td class="num">{usd(unallocated)}</td>
                <td class="num muted">{percent(Number(unallocated), Number(cost))}</td>
              </tr>
            )}
            <tr>
              <th>Sum</th>
              <td class="num">{count(answer.value.calls)} calls</td>
              <td class="num strong">{usd(cost)}</td>
              <td />
            </tr>
          </tbody>
        </table>
      </div>
      {unpriced.length > 0 && (
        <p class="bad-text" data-testid="unpriced">
          Without a price:{" "}
          {unpriced
            .map(({ model, calls }) => `${model || "unknown model"} (${count(calls)} calls)`)
            .join(", ")}
        </p>
      )}
      {anomalies.map(({ anomaly, meaning, calls }) => (
        <p key={anomaly} class="muted">
          {count(calls)} calls: {meaning}.
        </p>
      ))}
      {overhead.length > 0 && (
        <p class="muted">
          Judging, not in the sum:{" "}
          {overhead.map((one) => `${one.purpose} ${usd(one.cost)}`).join(", ")}.
        </p>
      )}
    </section>
  );
}

const BY = [
  "model",
  "provider",
  "user",
  "session",
  "release",
  "prompt_version",
  "region",
  "operation",
  "service",
] as const;

export function ReviewCard({ query, place, round }: { query: Query; place: Place; round: number }) {
  const [by, setBy] = useState<string>("user");
  const answer = useAnswer<Review>(
    address("/api/v1/costs/review", { ...query, by, limit: "10" }),
    round,
  );
  if (answer.state === "failed") return <Failed message={answer.message} />;
  if (answer.state !== "ready") return null;
  const { spenders = [], traces = [], questions } = answer.value;
  return (
    <section class="card" aria-label="Who spends">
      <h2>
        Who spends{" "}
        <select
          aria-label="By"
          data-testid="review-by"
          value={by}
          onChange={(event) => setBy(event.currentTarget.value)}
        >
          {BY.map((name) => (
            <option key={name} value={name}>
              by {name.replaceAll("_", " ")}
            </option>
          ))}
        </select>
      </h2>
      {questions && questions.answered > 0 && <Answered questions={questions} />}
      <div class="scroll">
        <table data-testid="spenders">
          <thead>
            <tr>
              <th>{by.replaceAll("_", " ")}</th>
              <th class="num">Calls</th>
              <th class="num">Cost</th>
              <th class="num">Of all</th>
              <th class="num">A call</th>
              <th class="num">Cached</th>
              <th class="num">A quality point</th>
            </tr>
          </thead>
          <tbody>
            {spenders.map((one) => (
              <tr key={one.value}>
                <td>{one.value || "(none)"}</td>
                <td class="num">{count(one.calls)}</td>
                <td class="num strong">{usd(one.cost)}</td>
                <td class="num">{one.cost_share === null ? "–" : percent(one.cost_share, 1)}</td>
                <td class="num">{shown(one.cost_per_call)}</td>
                <td class="num">
                  {one.cached_share === null ? "–" : percent(one.cached_share, 1)}
                </td>
                <td class="num">{shown(one.usd_per_quality_point?.value ?? null)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {traces.length > 0 && <DearestTraces traces={traces} place={place} />}
    </section>
  );
}

function shown(value: number | null): string {
  return value === null ? "–" : usd(String(value));
}

function Answered({ questions }: { questions: NonNullable<Review["questions"]> }) {
  const { value, low, high } = questions.usd_per_answered;
  return (
    <p data-testid="answered">
      An answered question costs <strong>{shown(value)}</strong>
      {low !== null && high !== null && ` (95 %: ${shown(low)} to ${shown(high)})`};{" "}
      {count(questions.answered)} of {count(questions.asked)} were answered.
    </p>
  );
}

function DearestTraces({ traces, place }: { traces: NonNullable<Review["traces"]>; place: Place }) {
  return (
    <details>
      <summary>Dearest traces</summary>
      <table data-testid="dearest-traces">
        <tbody>
          {traces.map((one) => (
            <tr key={`${one.project} ${one.trace_id}`}>
              <td>
                <button
                  type="button"
                  class="link"
                  onClick={() => go({ ...place, view: "trace", traceId: one.trace_id })}
                >
                  {one.name || one.trace_id}
                </button>
              </td>
              <td>{one.project}</td>
              <td class="num">{count(one.calls)} calls</td>
              <td class="num strong">{usd(one.cost)}</td>
              <td class="muted">{moment(one.start)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
