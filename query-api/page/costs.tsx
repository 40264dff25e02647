/** What it costs and why: the change against the time before, the models side by side, and what others would have cost. */
import { useState } from "preact/hooks";
import { type Sessions, type Variance, type WhatIf, address, useAnswer } from "./api.ts";
import { count, moment, percent, usd } from "./format.ts";
import { type Place, RANGES, go } from "./location.ts";
import { BudgetsCard, LedgerCard, ReviewCard } from "./ledger.tsx";
import { ModelsCard } from "./models.tsx";
import { Failed } from "./notices.tsx";

type Query = Record<string, string | undefined>;

const CAUSES: readonly [keyof Variance["causes"], string, string][] = [
  ["volume", "Volume", "more or fewer calls"],
  ["model_mix", "Model mix", "other models took the calls"],
  ["tokens_per_call", "Tokens per call", "longer or shorter prompts and answers"],
  ["cache", "Cache", "another share of the input was cached"],
  ["price", "Price", "the price book changed"],
  ["other", "Other", "tiers by call size, contracts"],
];

export function Costs({ place, round }: { place: Place; round: number }) {
  const base = { from: `now-${place.range}`, to: "now", project: place.project };
  const query = { ...base, model: place.model };
  return (
    <div data-testid="costs">
      <BudgetsCard round={round} />
      <VarianceCard query={query} range={RANGES[place.range]} round={round} />
      <ReviewCard query={base} place={place} round={round} />
      <LedgerCard query={query} round={round} />
      <ModelsCard query={base} round={round} />
      <WhatIfCard query={query} />
      <SessionsCard query={base} place={place} round={round} />
    </div>
  );
}

function VarianceCard({ query, range, round }: { query: Query; range: string; round: number }) {
  const answer = useAnswer<Variance>(address("/api/v1/costs/variance", query), round);
  if (answer.state === "failed") return <Failed message={answer.message} />;
  if (answer.state !== "ready")
    return (
      <p class="loading" role="status">
        Loading…
      </p>
    );
  const { before, after, change, causes, models } = answer.value;
  const unpriced = before.unpriced_calls + after.unpriced_calls;
  return (
    <section class="card" aria-label="Why the cost changed">
      <h2>
        Why the cost changed{" "}
        <small class="muted">
          the last {range} ({usd(after.cost)}) against as long a time before ({usd(before.cost)})
        </small>
      </h2>
      {unpriced > 0 && (
        <p class="bad-text">{count(unpriced)} calls have no price and are in neither sum.</p>
      )}
      <table data-testid="variance">
        <tbody>
          {CAUSES.map(([cause, name, meaning]) => (
            <CauseLine
              key={cause}
              name={name}
              meaning={meaning}
              amount={Number(causes[cause])}
              largest={Math.max(...CAUSES.map(([one]) => Math.abs(Number(causes[one]))))}
            />
          ))}
          <tr>
            <th>Change</th>
            <td />
            <td />
            <td class="num strong">
              {signed(Number(change))}{" "}
              <small class="muted">
                {Number(before.cost) > 0 && percent(Number(change), Number(before.cost))}
              </small>
            </td>
          </tr>
        </tbody>
      </table>
      {models.length > 1 && (
        <details>
          <summary>By model</summary>
          <VarianceByModel models={models} />
        </details>
      )}
    </section>
  );
}

function VarianceByModel({ models }: { models: Variance["models"] }) {
  return (
    <div class="scroll">
      <table data-testid="variance-models">
        <thead>
          <tr>
            <th>Model</th>
            <th class="num">Before</th>
            <th class="num">After</th>
            {CAUSES.map(([cause, name]) => (
              <th key={cause} class="num">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {models.map((row) => (
            <tr key={`${row.provider}/${row.model}`}>
              <td>{row.model || "unknown model"}</td>
              <td class="num">{usd(row.before)}</td>
              <td class="num">{usd(row.after)}</td>
              {CAUSES.map(([cause]) => (
                <td key={cause} class="num">
                  {signed(Number(row.causes[cause]))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A bar to the right for what costs more, to the left for what costs less. */
function CauseLine(props: { name: string; meaning: string; amount: number; largest: number }) {
  const { name, meaning, amount, largest } = props;
  const length = largest === 0 ? 0 : (Math.abs(amount) / largest) * 49;
  return (
    <tr>
      <th>{name}</th>
      <td class="muted">{meaning}</td>
      <td class="change">
        <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
          <rect x="49.9" width="0.2" height="8" class="axis-line" />
          <rect
            x={amount < 0 ? 50 - length : 50}
            y="1"
            width={length}
            height="6"
            class={amount < 0 ? "less" : "more"}
          />
        </svg>
      </td>
      <td class="num">{signed(amount)}</td>
    </tr>
  );
}

function signed(amount: number): string {
  if (amount === 0) return "$0";
  const sign = amount < 0 ? "−" : "+";
  return `${sign}${usd(String(Math.abs(amount)))}`;
}

function WhatIfCard({ query }: { query: Query }) {
  const [text, setText] = useState("");
  const [asked, setAsked] = useState("");
  return (
    <section class="card" aria-label="What if">
      <h2>
        What if <small class="muted">these calls had gone to another model, at its prices</small>
      </h2>
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault();
          setAsked(text.trim());
        }}
      >
        <input
          value={text}
          placeholder="openai/gpt-4.1-mini"
          aria-label="Provider and model"
          data-testid="what-if-model"
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" class="button">
          Price them
        </button>
      </form>
      {asked && <WhatIfAnswer query={{ ...query, candidate: asked }} />}
    </section>
  );
}

function WhatIfAnswer({ query }: { query: Query }) {
  const answer = useAnswer<WhatIf>(address("/api/v1/what-if", query));
  if (answer.state === "failed") return <Failed message={answer.message} />;
  if (answer.state !== "ready") return null;
  const { cost, calls, left_out, candidates } = answer.value;
  const [found] = candidates;
  if (!found) return null;
  if (found.cost === null)
    return <p data-testid="what-if">The price book has no price for {found.candidate}.</p>;
  const change = Number(found.change);
  return (
    <div data-testid="what-if">
      <p>
        <strong>{usd(found.cost)}</strong>
        {found.low !== null && ` (${usd(found.low)} to ${usd(found.high)})`} instead of {usd(cost)}:{" "}
        <span class={change > 0 ? "bad-text" : ""}>{signed(change)}</span>{" "}
        {Number(cost) > 0 && `(${percent(change, Number(cost))})`}, for {count(calls)} calls
        {left_out > 0 && `; ${count(left_out)} calls without a price are left out`}.
      </p>
      <p class="muted">{tokensNote(found.tokens)}</p>
    </div>
  );
}

function tokensNote({ ratio, low, high, source }: WhatIf["candidates"][number]["tokens"]): string {
  if (source === "same") return "The same model: its own tokens.";
  if (source === "measured" && low !== null && high !== null)
    return `It makes ${ratio.toFixed(2)} tokens of one (${low.toFixed(2)} to ${high.toFixed(2)}), measured on stored prompts. How long its answers would be is not known.`;
  return "How many tokens it makes of the same text is not known here: taken to be as many. How long its answers would be is not known either.";
}

function SessionsCard({ query, place, round }: { query: Query; place: Place; round: number }) {
  const path = address("/api/v1/sessions", { ...query, order: "cost", limit: "10" });
  const answer = useAnswer<Sessions>(path, round);
  if (answer.state === "failed") return <Failed message={answer.message} />;
  if (answer.state !== "ready" || answer.value.sessions.length === 0) return null;
  return (
    <section class="card" aria-label="Dearest conversations">
      <h2>Dearest conversations</h2>
      <div class="scroll">
        <table data-testid="sessions">
          <thead>
            <tr>
              <th>Session</th>
              <th>Project</th>
              <th>User</th>
              <th class="num">Traces</th>
              <th class="num">Calls</th>
              <th class="num">Cost</th>
              <th>Last</th>
            </tr>
          </thead>
          <tbody>
            {answer.value.sessions.map((one) => (
              <tr key={`${one.project}/${one.session_id}`}>
                <td>{one.session_id}</td>
                <td>
                  <button
                    type="button"
                    class="link"
                    onClick={() => go({ ...place, project: one.project })}
                  >
                    {one.project}
                  </button>
                </td>
                <td>{one.user_id}</td>
                <td class="num">{count(one.traces)}</td>
                <td class="num">{count(one.calls)}</td>
                <td class="num strong">{usd(one.cost)}</td>
                <td class="muted">{moment(one.last)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
