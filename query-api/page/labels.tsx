/**
 * Where people label: one record at a time, with the rules that judges have and without what they said. Texts of records
 * come from strangers, and are shown as text alone.
 */
import { useCallback, useEffect, useState } from "preact/hooks";
import {
  type Judges,
  type Loaded,
  type NextLabel,
  address,
  fetchAnswer,
  sendJson,
  useAnswer,
} from "./api.ts";
import { Documents, Messages } from "./content.tsx";
import { count } from "./format.ts";
import { type Place, go } from "./location.ts";
import { Failed } from "./notices.tsx";

const REVIEWER = "assay-reviewer";

export function Labels({ place }: { place: Place }) {
  const [reviewer, setReviewer] = useState(() => localStorage.getItem(REVIEWER) ?? "");
  const [chosen, setChosen] = useState("");
  const judges = useAnswer<Judges>(
    address("/api/v1/judges", { from: "now-14d", to: "now", project: place.project }),
  );
  if (judges.state === "failed") return <Failed message={judges.message} />;
  if (judges.state !== "ready") return <Loading />;
  const byModel = judges.value.judges.filter(({ role }) => role === "cheap" || role === "strong");
  const metrics = [...new Set(byModel.map(({ metric }) => metric))];
  if (metrics.length === 0) return <NothingToLabel />;
  const metric = metrics.includes(chosen) ? chosen : metrics[0]!;
  const rename = (name: string): void => {
    localStorage.setItem(REVIEWER, name);
    setReviewer(name);
  };
  return (
    <div data-testid="labels">
      <section class="card" aria-label="Who labels what">
        <h1>Labels</h1>
        <div class="ask">
          <label>
            Your name{" "}
            <input
              value={reviewer}
              maxLength={100}
              data-testid="reviewer"
              onChange={(event) => rename(event.currentTarget.value.trim())}
            />
          </label>
          <label>
            Metric{" "}
            <select
              value={metric}
              data-testid="label-metric"
              onChange={(event) => setChosen(event.currentTarget.value)}
            >
              {metrics.map((name) => (
                <option key={name} value={name}>
                  {name.replaceAll("_", " ")}
                </option>
              ))}
            </select>
          </label>
        </div>
      </section>
      {reviewer === "" ? (
        <p class="card notice">Say who you are, and the first record comes.</p>
      ) : (
        <Reviewing
          key={`${reviewer}/${metric}/${place.project}`}
          reviewer={reviewer}
          metric={metric}
          place={place}
        />
      )}
    </div>
  );
}

function Loading() {
  return (
    <p class="loading" role="status">
      Loading…
    </p>
  );
}

function NothingToLabel() {
  return (
    <section class="card empty" data-testid="nothing-to-label">
      <h1>No model has judged anything in the last 14 days</h1>
      <p>
        People label a part of what judges scored, so that their means can be corrected. See
        docs/judging.md and docs/labels.md.
      </p>
    </section>
  );
}

function Reviewing({
  reviewer,
  metric,
  place,
}: {
  reviewer: string;
  metric: string;
  place: Place;
}) {
  const [next, setNext] = useState<Loaded<NextLabel>>({ state: "loading" });
  const [given, setGiven] = useState(0);
  const load = useCallback(async () => {
    setNext({ state: "loading" });
    const url = address("/api/v1/labels/next", { metric, reviewer, project: place.project });
    setNext(await fetchAnswer<NextLabel>(url));
  }, [metric, reviewer, place.project]);
  useEffect(() => void load(), [load]);
  if (next.state === "failed") return <Failed message={next.message} />;
  if (next.state !== "ready") return <Loading />;
  const { task, rules, highest, waiting } = next.value;
  if (!task)
    return (
      <p class="card notice" data-testid="no-task">
        Nothing is waiting for you. {given > 0 && `You gave ${count(given)} labels.`}
      </p>
    );
  const answer = async (body: Record<string, unknown>): Promise<void> => {
    const { trace_id, span_id } = task;
    const sent = await sendJson("/api/v1/labels", { metric, reviewer, trace_id, span_id, ...body });
    if (sent.state === "failed") return setNext(sent);
    setGiven((before) => before + 1);
    await load();
  };
  return (
    <>
      <Record task={task} place={place} />
      <Verdict metric={metric} rules={rules} highest={highest} answer={answer} />
      <p class="muted">
        {count(waiting)} waiting for you{given > 0 && `, ${count(given)} labelled`}.
      </p>
    </>
  );
}

type Task = NonNullable<NextLabel["task"]>;

function Record({ task, place }: { task: Task; place: Place }) {
  const { input, output, documents, reference, project, trace_id, span_id } = task;
  const isGone = input === null && output === null;
  return (
    <section class="card" aria-label="The record" data-testid="label-record">
      <h2>
        {project}{" "}
        <button
          type="button"
          class="link"
          onClick={() => go({ ...place, view: "trace", traceId: trace_id, span: span_id })}
        >
          the whole trace
        </button>
      </h2>
      {isGone && <p class="muted">Its content is not stored any more.</p>}
      {input !== null && <Messages value={input} role="user" />}
      {documents.length > 0 && (
        <details open>
          <summary>Documents</summary>
          <Documents value={documents} />
        </details>
      )}
      <h3>The answer to judge</h3>
      {output !== null && <Messages value={output} role="assistant" />}
      {reference !== null && (
        <>
          <h3>Reference</h3>
          <p>{reference}</p>
        </>
      )}
    </section>
  );
}

interface VerdictProps {
  metric: string;
  rules: NextLabel["rules"];
  highest: number;
  answer: (body: Record<string, unknown>) => Promise<void>;
}

function Verdict({ metric, rules, highest, answer }: VerdictProps) {
  const [comment, setComment] = useState("");
  const [isSending, setIsSending] = useState(false);
  const send = (body: Record<string, unknown>): void => {
    setIsSending(true);
    void answer({ ...body, ...(comment && { comment }) });
  };
  return (
    <section class="card" aria-label="Your verdict">
      <h2>{metric.replaceAll("_", " ")}</h2>
      {rules && <p>{rules.definition}</p>}
      <ol class="scale" data-testid="scale">
        {Array.from({ length: highest }, (_, at) => (
          <li key={at}>
            <button
              type="button"
              class="button"
              disabled={isSending}
              onClick={() => send({ score: at + 1 })}
            >
              {at + 1}
            </button>{" "}
            {rules?.scores[at]}
          </li>
        ))}
      </ol>
      <div class="ask">
        <input
          aria-label="Comment"
          placeholder="Comment"
          value={comment}
          maxLength={10_000}
          onInput={(event) => setComment(event.currentTarget.value)}
        />
        <button
          type="button"
          class="button"
          disabled={isSending}
          data-testid="skip"
          onClick={() => send({ skip: true })}
        >
          It cannot be judged
        </button>
      </div>
    </section>
  );
}
