/** The page: a header with time range and filters, and one of its views. */
import { type ComponentChildren, render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Projects, useAnswer } from "./api.ts";
import { Checks } from "./checks.tsx";
import { Costs } from "./costs.tsx";
import { Experiments } from "./experiments.tsx";
import { Labels } from "./labels.tsx";
import { type Place, RANGES, type Range, go, hashOf, usePlace } from "./location.ts";
import { Overview } from "./overview.tsx";
import { Quality } from "./quality.tsx";
import { TraceView } from "./trace.tsx";
import { TraceList } from "./traces.tsx";

const REFRESH_MS = 10_000;

function App() {
  const place = usePlace();
  const [live, setLive] = useState(false);
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (!live) return;
    const timer = setInterval(() => setRound((r) => r + 1), REFRESH_MS);
    return () => clearInterval(timer);
  }, [live]);
  return (
    <>
      <header class="top">
        <a class="brand" href={hashOf({ ...place, view: "overview", span: "" })}>
          <span class="mark" aria-hidden="true">
            A
          </span>{" "}
          Assay
        </a>
        <nav aria-label="Views">
          <Tab place={place} view="overview">
            Overview
          </Tab>
          <Tab place={place} view="costs">
            Costs
          </Tab>
          <Tab place={place} view="quality">
            Quality
          </Tab>
          <Tab place={place} view="labels">
            Labels
          </Tab>
          <Tab place={place} view="experiments">
            Experiments
          </Tab>
          <Tab place={place} view="checks">
            Checks
          </Tab>
          <Tab place={place} view="traces">
            Traces
          </Tab>
        </nav>
        {place.view !== "trace" && (
          <div class="filters">
            <Filters place={place} />
            <label class="live">
              <input
                type="checkbox"
                checked={live}
                data-testid="live"
                onChange={(e) => setLive(e.currentTarget.checked)}
              />
              Live
            </label>
          </div>
        )}
      </header>
      <main>
        {place.view === "overview" && <Overview place={place} round={round} />}
        {place.view === "costs" && <Costs place={place} round={round} />}
        {place.view === "quality" && <Quality place={place} round={round} />}
        {place.view === "labels" && <Labels place={place} />}
        {place.view === "experiments" && <Experiments round={round} />}
        {place.view === "checks" && <Checks place={place} round={round} />}
        {place.view === "traces" && <TraceList place={place} round={round} />}
        {place.view === "trace" && <TraceView place={place} key={place.traceId} />}
      </main>
    </>
  );
}

function Tab({
  place,
  view,
  children,
}: {
  place: Place;
  view: Exclude<Place["view"], "trace">;
  children: ComponentChildren;
}) {
  const here = place.view === view || (view === "traces" && place.view === "trace");
  return (
    <a href={hashOf({ ...place, view, span: "" })} aria-current={here ? "page" : undefined}>
      {children}
    </a>
  );
}

function Filters({ place }: { place: Place }) {
  const answer = useAnswer<Projects>("/api/v1/projects");
  const projects = answer.state === "ready" ? answer.value.projects : [];
  const inProject = projects.filter((p) => !place.project || p.project === place.project);
  const models = [...new Set(inProject.flatMap((p) => p.models))].sort();
  return (
    <>
      <Choice
        label="Project"
        all="All projects"
        value={place.project}
        values={projects.map((p) => p.project)}
        choose={(project) => go({ ...place, project })}
      />
      <Choice
        label="Model"
        all="All models"
        value={place.model}
        values={models}
        choose={(model) => go({ ...place, model })}
      />
      <div class="ranges" role="group" aria-label="Time range">
        {(Object.keys(RANGES) as Range[]).map((range) => (
          <button
            key={range}
            type="button"
            aria-pressed={place.range === range}
            title={`Last ${RANGES[range]}`}
            onClick={() => go({ ...place, range })}
          >
            {range}
          </button>
        ))}
      </div>
    </>
  );
}

function Choice(props: {
  label: string;
  all: string;
  value: string;
  values: string[];
  choose: (value: string) => void;
}) {
  const { label, all, value, values, choose } = props;
  const options = value && !values.includes(value) ? [value, ...values] : values;
  return (
    <select
      aria-label={label}
      value={value}
      onChange={(e) => choose(e.currentTarget.value)}
      data-testid={`filter-${label.toLowerCase()}`}
    >
      <option value="">{all}</option>
      {options.map((option) => (
        <option key={option} value={option}>
          {option}
        </option>
      ))}
    </select>
  );
}

render(<App />, document.getElementById("app")!);
