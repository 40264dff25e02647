/** One trace: its spans along time, and the chosen span beside them. */
import { type Span, type Trace, type WhyJudged, useAnswer } from "./api.ts";
import { count, duration, moment, usd } from "./format.ts";
import { Failed } from "./notices.tsx";
import { type Place, go, hashOf } from "./location.ts";
import { SpanPanel } from "./span-panel.tsx";

/** Rows drawn at once; the browser would choke on ten thousand. */
const MOST_ROWS = 2_000;

export function TraceView({ place }: { place: Place }) {
  const answer = useAnswer<Trace>(`/api/v1/traces/${encodeURIComponent(place.traceId)}`);
  const back = (
    <a class="back" href={hashOf({ ...place, view: "traces", traceId: "", span: "" })}>
      ← Traces
    </a>
  );
  if (answer.state === "failed")
    return (
      <>
        {back}
        <Failed message={answer.message} />
      </>
    );
  if (answer.state === "loading")
    return (
      <p class="loading" role="status">
        Loading…
      </p>
    );
  const trace = answer.value;
  return (
    <div data-testid="trace">
      {back}
      <Summary trace={trace} />
      <div class={place.span ? "split" : ""}>
        <Waterfall trace={trace} place={place} />
        {place.span && (
          <SpanPanel
            traceId={trace.trace_id}
            spanId={place.span}
            close={() => go({ ...place, span: "" })}
          />
        )}
      </div>
    </div>
  );
}

function Summary({ trace }: { trace: Trace }) {
  const { totals } = trace;
  const facts: [string, string][] = [
    ["Started", moment(trace.start)],
    ["Duration", duration(trace.duration_ms)],
    [
      "Cost",
      usd(totals.cost) + (totals.unpriced_calls > 0 ? ` + ${totals.unpriced_calls} unpriced` : ""),
    ],
    ["Model calls", count(totals.calls)],
    ["Tokens", `${count(totals.input_tokens)} in · ${count(totals.output_tokens)} out`],
    ["Spans", count(totals.spans)],
    ["Errors", count(totals.errors)],
    ["Projects", trace.projects.join(", ")],
  ];
  return (
    <section class="card summary" aria-label="Trace">
      <h1>
        {trace.spans[0]?.name || "Trace"}{" "}
        {trace.generated && <span class="badge">generated sample data</span>}
        {trace.truncated && <span class="badge warn">only the first spans are shown</span>}
      </h1>
      <code class="muted">{trace.trace_id}</code>
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Judged traceId={trace.trace_id} />
    </section>
  );
}

/** Nothing where no judge ever came by. */
function Judged({ traceId }: { traceId: string }) {
  const answer = useAnswer<WhyJudged>(`/api/v1/judges/why?trace_id=${encodeURIComponent(traceId)}`);
  if (answer.state !== "ready") return null;
  const { decision, metrics, why } = answer.value;
  if (!decision && metrics.length === 0) return null;
  return (
    <p class="muted" data-testid="why-judged">
      Judging: {why}
    </p>
  );
}

function Waterfall({ trace, place }: { trace: Trace; place: Place }) {
  const total = Math.max(trace.duration_ms, 0.001);
  const services = [...new Set(trace.spans.map((span) => span.service))];
  const colour = (service: string): string => `var(--c${services.indexOf(service) % 8})`;
  const step = (from: number, by: number): void => {
    const rows = document.querySelectorAll<HTMLElement>("[data-testid=span-row]");
    rows[from + by]?.focus();
  };
  return (
    <section class="card waterfall" aria-label="Spans over time" data-testid="waterfall">
      <div class="axis" aria-hidden="true">
        <span class="services">
          {services.map((name) => (
            <span key={name}>
              <i style={{ background: colour(name) }} />
              {name}
            </span>
          ))}
        </span>
        {[0, 0.25, 0.5, 0.75, 1].map((part) => (
          <span
            key={part}
            class="tick"
            style={{ left: `calc(var(--names) + (100% - var(--names) - 5.5rem) * ${part})` }}
          >
            {duration(total * part)}
          </span>
        ))}
      </div>
      {trace.spans.slice(0, MOST_ROWS).map((span, i) => (
        <button
          key={span.span_id}
          type="button"
          class={`span${span.status === "error" ? " failed" : ""}`}
          data-testid="span-row"
          aria-pressed={place.span === span.span_id}
          aria-label={`${span.name}, ${span.service}, ${duration(span.duration_ms)}${span.status === "error" ? ", failed" : ""}`}
          onClick={() => go({ ...place, span: span.span_id })}
          onKeyDown={(e) => {
            if (e.key === "ArrowDown" || e.key === "ArrowUp") e.preventDefault();
            if (e.key === "ArrowDown") step(i, 1);
            if (e.key === "ArrowUp") step(i, -1);
          }}
        >
          <Name span={span} colour={colour(span.service)} />
          <Bar span={span} total={total} colour={colour(span.service)} />
          <span class="took">{duration(span.duration_ms)}</span>
        </button>
      ))}
      {trace.spans.length > MOST_ROWS && (
        <p class="muted">{count(trace.spans.length - MOST_ROWS)} more spans are not drawn.</p>
      )}
    </section>
  );
}

function Name({ span, colour }: { span: Span; colour: string }) {
  return (
    <span
      class="name"
      style={{ paddingLeft: `${Math.min(span.depth, 14) * 0.9}rem` }}
      title={span.name}
    >
      <i style={{ background: colour }} />
      <span>{span.name}</span>
      {span.orphan && (
        <em class="badge" title="Its parent is not stored">
          parent missing
        </em>
      )}
      {span.cost !== null && span.is_model_call && <em class="price">{usd(span.cost)}</em>}
    </span>
  );
}

function Bar({ span, total, colour }: { span: Span; total: number; colour: string }) {
  const at = (ms: number): string => `${Math.min(100, Math.max(0, (100 * ms) / total))}%`;
  return (
    <span class="track">
      <span
        class="bar"
        style={{
          left: at(span.offset_ms),
          width: at(span.duration_ms),
          background: span.status === "error" ? "var(--bad)" : colour,
        }}
      />
      {span.ttft_ms !== null && (
        <span
          class="ttft"
          title={`First token after ${duration(span.ttft_ms)}`}
          style={{ left: at(span.offset_ms + span.ttft_ms) }}
        />
      )}
    </span>
  );
}
