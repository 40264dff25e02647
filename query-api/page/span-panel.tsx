/** Everything known of one span. What strangers wrote is only ever set as text. */
import type { ComponentChildren } from "preact";
import { type Evaluation, type SpanDetail, useAnswer } from "./api.ts";
import { Documents, Messages, Value } from "./content.tsx";
import { count, duration, moment, usd } from "./format.ts";
import { Failed } from "./notices.tsx";

export function SpanPanel({
  traceId,
  spanId,
  close,
}: {
  traceId: string;
  spanId: string;
  close: () => void;
}) {
  const answer = useAnswer<SpanDetail>(
    `/api/v1/traces/${traceId}/spans/${encodeURIComponent(spanId)}`,
  );
  return (
    <aside
      class="card panel"
      aria-label="Span"
      data-testid="span-panel"
      onKeyDown={(e) => e.key === "Escape" && close()}
    >
      <button type="button" class="close" aria-label="Close" onClick={close}>
        ×
      </button>
      {answer.state === "failed" && <Failed message={answer.message} />}
      {answer.state === "ready" && <Detail span={answer.value} />}
    </aside>
  );
}

function Detail({ span }: { span: SpanDetail }) {
  const content = span.content ?? {};
  return (
    <>
      <h2>{span.name}</h2>
      <p class="muted">
        {[span.service, span.project, span.operation].filter(Boolean).join(" · ")}
      </p>
      {span.status === "error" && (
        <p class="badge bad wide" role="alert">
          {[span.error_type, span.status_message].filter(Boolean).map(String).join(": ") ||
            "failed"}
        </p>
      )}
      <Facts span={span} />
      <Evaluations evaluations={span.evaluations} />
      <Part title="Query" value={content.query}>
        {(v) => <Value value={v} />}
      </Part>
      <Part title="Retrieved documents" value={content.documents}>
        {(v) => <Documents value={v} />}
      </Part>
      <Part title="Instructions" value={content.system}>
        {(v) => <Messages value={v} role="system" />}
      </Part>
      <Part title="Input" value={content.input}>
        {(v) => <Messages value={v} role="user" />}
      </Part>
      <Part title="Output" value={content.output}>
        {(v) => <Messages value={v} role="assistant" />}
      </Part>
      <Part title="Arguments" value={content.arguments}>
        {(v) => <Value value={v} />}
      </Part>
      <Part title="Result" value={content.result}>
        {(v) => <Value value={v} />}
      </Part>
      <Part title="Tools offered" value={content.tools}>
        {(v) => <Value value={v} />}
      </Part>
      <Table title="Attributes" values={span.attributes} />
      <Table title="Resource" values={span.resource} />
    </>
  );
}

function Facts({ span }: { span: SpanDetail }) {
  const tokens = (name: string): string | undefined =>
    span[name] ? count(Number(span[name])) : undefined;
  const facts: [string, unknown][] = [
    ["Duration", duration(span.duration_ms)],
    ["First token", span.ttft_ms === null ? undefined : duration(span.ttft_ms)],
    ["Model", span.response_model || span.request_model],
    [
      "Asked for",
      span.response_model && span.request_model !== span.response_model
        ? span.request_model
        : undefined,
    ],
    ["Provider", span.provider],
    [
      "Cost",
      span.is_model_call
        ? span.cost === null
          ? span.cost_status || "unpriced"
          : `${usd(span.cost)} (${span.cost} USD)`
        : undefined,
    ],
    ["Cost is", span.cost === null ? undefined : span.cost_status],
    ["Price", span.price_id],
    [
      "Reported cost",
      span.reported_cost === null
        ? undefined
        : `${span.reported_cost} USD${span.reported_cost_source ? ` (${span.reported_cost_source})` : ""}`,
    ],
    ["Input tokens", tokens("input_tokens")],
    ["from cache", tokens("cache_read_tokens")],
    ["into cache", tokens("cache_write_tokens")],
    ["Output tokens", tokens("output_tokens")],
    ["reasoning", tokens("reasoning_tokens")],
    ["Usage is", span.usage_source],
    ["Temperature", span.temperature],
    ["Top p", span.top_p],
    ["Seed", span.seed],
    ["Max tokens", span.max_tokens],
    [
      "Finished by",
      Array.isArray(span.finish_reasons) ? span.finish_reasons.join(", ") : undefined,
    ],
    ["Tool", span.tool_name],
    ["Agent", span.agent_name],
    ["Data source", span.data_source],
    ["Documents", span.document_count],
    ["Session", span.session_id],
    ["User", span.user_id],
    ["Environment", span.environment],
    ["Release", span.release],
    ["Prompt", [span.prompt_name, span.prompt_version].filter(Boolean).join(" ")],
  ];
  const shown = facts.filter(
    ([, value]) => value !== undefined && value !== null && value !== "" && value !== 0,
  );
  return (
    <dl class="facts" data-testid="span-facts">
      {shown.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{String(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Evaluations({ evaluations }: { evaluations: readonly Evaluation[] }) {
  if (evaluations.length === 0) return null;
  return (
    <section class="part" data-testid="part-evaluations">
      <h3>Evaluations</h3>
      <ul class="evaluations">
        {evaluations.map((evaluation) => (
          <li key={evaluation.evaluation_id}>
            <b>{evaluation.name}</b>{" "}
            {evaluation.score !== null && <b>{Number(evaluation.score.toPrecision(4))}</b>}{" "}
            {evaluation.label && evaluation.label !== String(evaluation.score) && (
              <span class="badge">{evaluation.label}</span>
            )}{" "}
            {evaluation.error_type && <span class="badge bad">{evaluation.error_type}</span>}
            {evaluation.explanation && <p>{evaluation.explanation}</p>}
            <small class="muted">
              {[evaluation.evaluator, evaluation.source, moment(evaluation.evaluated_at)]
                .filter(Boolean)
                .join(" · ")}
            </small>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Part({
  title,
  value,
  children,
}: {
  title: string;
  value: unknown;
  children: (value: unknown) => ComponentChildren;
}) {
  if (value === undefined) return null;
  return (
    <section class="part" data-testid={`part-${title.toLowerCase().replaceAll(" ", "-")}`}>
      <h3>{title}</h3>
      {children(value)}
    </section>
  );
}

function Table({ title, values }: { title: string; values: Record<string, unknown> }) {
  const entries = Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return null;
  return (
    <details class="part">
      <summary>
        {title} <span class="muted">{entries.length}</span>
      </summary>
      <dl class="raw">
        {entries.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{typeof value === "string" ? value : JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
