/** What stands behind the scores: the judges that gave them, two of them side by side, and whether models answer alike. */
import { useState } from "preact/hooks";
import { type DeterminismAnswer, type JudgeRow, type Judges, address, useAnswer } from "./api.ts";
import { count, duration, percent, usd } from "./format.ts";
import { Failed } from "./notices.tsx";

type Query = Parameters<typeof address>[1];

export function JudgesCard({ query, round }: { query: Query; round: number }) {
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const compare = chosen.length === 2 ? chosen.join(",") : "";
  const answer = useAnswer<Judges>(address("/api/v1/judges", { ...query, compare }), round);
  if (answer.state === "failed") return <Failed message={answer.message} />;
  if (answer.state !== "ready" || answer.value.judges.length === 0) return null;
  const toggle = (hash: string): void =>
    setChosen((now) =>
      now.includes(hash) ? now.filter((one) => one !== hash) : [...now, hash].slice(-2),
    );
  return (
    <section class="card" aria-label="Judges">
      <h2>
        Judges <small class="muted">choose two to compare them</small>
      </h2>
      <div class="scroll">
        <table data-testid="judges-table">
          <thead>
            <tr>
              <th>Compare</th>
              <th>Metric</th>
              <th>Judge</th>
              <th>Strategy</th>
              <th class="num">Scored</th>
              <th class="num">Failed</th>
              <th class="num">A thousand cost</th>
              <th class="num">p95</th>
              <th>With people</th>
              <th>To be trusted</th>
            </tr>
          </thead>
          <tbody>
            {answer.value.judges.map((row) => (
              <JudgeLine
                key={`${row.judge_hash}/${row.judge}`}
                row={row}
                chosen={chosen.includes(row.judge_hash)}
                toggle={() => toggle(row.judge_hash)}
              />
            ))}
          </tbody>
        </table>
      </div>
      {answer.value.comparison && <Comparison of={answer.value.comparison} />}
    </section>
  );
}

function JudgeLine({
  row,
  chosen,
  toggle,
}: {
  row: JudgeRow;
  chosen: boolean;
  toggle: () => void;
}) {
  return (
    <tr>
      <td>
        <input
          type="checkbox"
          checked={chosen}
          onChange={toggle}
          aria-label={`compare ${row.judge}`}
        />
      </td>
      <td>{row.metric.replaceAll("_", " ")}</td>
      <td>
        {row.judge} <small class="muted">{row.judge_hash.slice(0, 8)}</small>
      </td>
      <td class="muted">{row.strategy}</td>
      <td class="num">{count(row.ok)}</td>
      <td class={`num${row.failed > 0 ? " bad-text" : " muted"}`}>
        {percent(row.failed, row.judgements)}
      </td>
      <td class="num">{perThousand(row)}</td>
      <td class="num">{duration(row.p95_ms)}</td>
      <td class="muted">{withPeople(row)}</td>
      <td>
        <span class={`badge ${GATES[row.gate.state].badge}`} title={gateOf(row)}>
          {GATES[row.gate.state].name}
        </span>
      </td>
    </tr>
  );
}

function perThousand({ role, usd_per_thousand: cost }: JudgeRow): string {
  if (role === "heuristic") return "–";
  return cost === null ? "not known" : usd(String(cost));
}

const GATES = {
  passed: { name: "yes", badge: "good" },
  failed: { name: "no", badge: "bad" },
  open: { name: "not known", badge: "" },
};

function withPeople({ people }: JudgeRow): string {
  if (!people) return "no labels";
  const kappa = people.kappa_quadratic;
  const agreement = kappa
    ? `weighted kappa ${kappa.kappa.toFixed(2)} (${kappa.low.toFixed(2)} to ${kappa.high.toFixed(2)})`
    : "no variance";
  return `${agreement}, ${count(people.records)} records`;
}

/** Each condition in a line. */
function gateOf({ gate }: JudgeRow): string {
  return gate.conditions
    .map(({ name, expected, value, state }) => {
      const found = value === null ? "not measured" : String(Math.round(value * 1000) / 1000);
      return `${name.replaceAll("_", " ")}: ${state}, ${found} (${expected})`;
    })
    .join("\n");
}

function Comparison({ of }: { of: NonNullable<Judges["comparison"]> }) {
  if (of.records === 0) return <p data-testid="comparison">They judged no record in common.</p>;
  const kappa = of.kappa_quadratic;
  return (
    <p data-testid="comparison">
      On {count(of.records)} records: {percent(of.exact ?? 0, 1)} the same score,{" "}
      {percent(of.within_one ?? 0, 1)} within one
      {kappa &&
        `; weighted kappa ${kappa.kappa.toFixed(2)} (${kappa.low.toFixed(2)} to ${kappa.high.toFixed(2)})`}
      . {of.too_few ? "Too few records to tell." : of.verdict}
    </p>
  );
}

export function DeterminismCard({ query, round }: { query: Query; round: number }) {
  const answer = useAnswer<DeterminismAnswer>(address("/api/v1/determinism", query), round);
  if (answer.state === "failed") return <Failed message={answer.message} />;
  if (answer.state !== "ready") return null;
  const { models, coverage, active } = answer.value;
  return (
    <section class="card" aria-label="Determinism" data-testid="determinism">
      <h2>
        Determinism{" "}
        <small class="muted">
          {coverage === null || models.length === 0
            ? "no request came twice"
            : `of requests that came more than once: ${percent(coverage, 1)} of the calls`}
        </small>
      </h2>
      {models.length > 0 && (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th>Model</th>
                <th class="num">Prompts</th>
                <th class="num">Answers</th>
                <th class="num">Two are the same</th>
                <th class="num">but for case and space</th>
                <th class="num">Five are the same</th>
              </tr>
            </thead>
            <tbody>
              {models.slice(0, 20).map((row) => (
                <tr key={row.model}>
                  <td>{row.model || "unknown model"}</td>
                  <td class="num">{count(row.prompts)}</td>
                  <td class="num">{count(row.answers)}</td>
                  <td class="num strong">{shareOf(row.agreement)}</td>
                  <td class="num">{shareOf(row.agreement_plain)}</td>
                  <td class="num">{shareOf(row.tar_5)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {active.targets.length > 0 && <Canaries active={active} />}
    </section>
  );
}

function Canaries({ active }: { active: DeterminismAnswer["active"] }) {
  return (
    <>
      <h3>
        Canaries{" "}
        <small class="muted">
          the same requests on a schedule, for {usd(active.cost)} beside the cost of judging
        </small>
      </h3>
      <div class="scroll">
        <table data-testid="canaries">
          <thead>
            <tr>
              <th>Target</th>
              <th class="num">Canaries</th>
              <th class="num">Answers</th>
              <th class="num">Two are the same</th>
              <th class="num">but for case and space</th>
              <th class="num">Five are the same</th>
              <th class="num">As pinned</th>
              <th class="num">Fingerprints</th>
            </tr>
          </thead>
          <tbody>
            {active.targets.map((row) => (
              <tr key={row.target}>
                <td>{row.target}</td>
                <td class="num">{count(row.canaries)}</td>
                <td class="num">{count(row.answers)}</td>
                <td class="num strong">{shareOf(row.agreement)}</td>
                <td class="num">{shareOf(row.agreement_plain)}</td>
                <td class="num">{shareOf(row.tar_5)}</td>
                <td class="num">{shareOf(row.pinned?.share ?? null)}</td>
                <td class="num">{count(row.fingerprints.length)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function shareOf(value: number | null): string {
  return value === null ? "–" : percent(value, 1);
}
