/** Where the page is, kept in the address after `#`, so that a link shows what its sender saw. */
import { useEffect, useState } from "preact/hooks";

export const RANGES = {
  "1h": "1 hour",
  "6h": "6 hours",
  "24h": "24 hours",
  "7d": "7 days",
  "14d": "14 days",
  "30d": "30 days",
} as const;
export type Range = keyof typeof RANGES;
/** Steps that give 30 to 90 points. */
export const STEPS: Record<Range, { step: string; seconds: number }> = {
  "1h": { step: "1m", seconds: 60 },
  "6h": { step: "5m", seconds: 300 },
  "24h": { step: "30m", seconds: 1800 },
  "7d": { step: "3h", seconds: 10_800 },
  "14d": { step: "6h", seconds: 21_600 },
  "30d": { step: "12h", seconds: 43_200 },
};

const VIEWS = ["costs", "quality", "labels", "experiments", "checks"] as const;

export interface Place {
  view: (typeof VIEWS)[number] | "overview" | "traces" | "trace";
  traceId: string;
  range: Range;
  project: string;
  model: string;
  status: string;
  span: string;
}

function readPlace(hash: string): Place {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?");
  const [view, traceId = ""] = path.split("/");
  const query = new URLSearchParams(search);
  const range = query.get("range") ?? "";
  return {
    view: viewOf(view, traceId),
    traceId,
    range: range in RANGES ? (range as Range) : "24h",
    project: query.get("project") ?? "",
    model: query.get("model") ?? "",
    status: query.get("status") ?? "",
    span: query.get("span") ?? "",
  };
}

function viewOf(name: string | undefined, traceId: string): Place["view"] {
  if (name === "traces") return traceId ? "trace" : "traces";
  return VIEWS.find((view) => view === name) ?? "overview";
}

export function hashOf(place: Place): string {
  const { view, traceId, range, project, model, status, span } = place;
  const query = new URLSearchParams({ range });
  for (const [name, value] of Object.entries({ project, model, status, span }))
    if (value) query.set(name, value);
  const path = view === "overview" ? "" : view === "trace" ? `traces/${traceId}` : view;
  return `#/${path}?${query}`;
}

export function usePlace(): Place {
  const [place, setPlace] = useState(() => readPlace(location.hash));
  useEffect(() => {
    const follow = (): void => setPlace(readPlace(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return place;
}

export function go(place: Place): void {
  location.hash = hashOf(place);
}
