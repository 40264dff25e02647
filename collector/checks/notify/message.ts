/** An incident in words: what got worse, by how much, since when, how sure, and where to look. */
import { type Alert, type Message } from "./incident.ts";

const MOST_SHOWN = 5;
export const ALL = "all projects";

export interface Words {
  title: string;
  lines: string[];
  link: string;
}

export function wordsOf({ occasion, incident }: Message, page: string): Words {
  const { subject } = incident;
  // A check over all projects has none.
  const project = incident.project || ALL;
  const alerts = Object.values(incident.alerts).toSorted(
    (a, b) =>
      Number(b.severity === "page") - Number(a.severity === "page") ||
      a.sinceUnixMs - b.sinceUnixMs,
  );
  const link = `${page.replace(/\/$/, "")}/#/checks?project=${encodeURIComponent(incident.project)}`;
  if (occasion === "resolved")
    return { title: `${project}: ${subject} is as it was`, lines: [], link };
  if (occasion === "acknowledged")
    return {
      title: `${project}: ${incident.acknowledged?.by || "somebody"} looks at ${subject}`,
      lines: [],
      link,
    };
  const [first] = alerts;
  const still = occasion === "again" ? "still " : "";
  const more = alerts.length > 1 ? ` (and ${alerts.length - 1} more)` : "";
  return {
    title: `${project}: ${still}${first?.reason ?? subject}${more}`,
    lines: alerts.slice(0, MOST_SHOWN).flatMap((alert) => linesOf(alert, page)),
    link,
  };
}

function linesOf(alert: Alert, page: string): string[] {
  const of = alert.series ? ` (${alert.series})` : "";
  const traces = alert.worstTraces
    .slice(0, 3)
    .map((id) => `${page.replace(/\/$/, "")}/#/traces/${id}`);
  return [
    `${alert.check}${of}: ${alert.reason}; since ${new Date(alert.sinceUnixMs).toISOString().slice(0, 16)}Z${sureness(alert)}`,
    ...movedBy(alert.movedBy),
    ...(traces.length > 0 ? [`worst: ${traces.join(" ")}`] : []),
    `what to do: ${page.replace(/\/$/, "")}/runbooks/${alert.check}`,
  ];
}

function sureness({ low, high, n }: Alert): string {
  const interval = low === null || high === null ? "" : `, 95 %: ${short(low)} to ${short(high)}`;
  return `${interval}, ${n} records`;
}

function movedBy(json: string): string[] {
  if (json === "") return [];
  const { dimension, segments, rate, mix } = JSON.parse(json) as {
    dimension: string;
    rate: number | null;
    mix: number | null;
    segments: { value: string; contribution: number }[];
  };
  const shown = segments
    .slice(0, 3)
    .map((one) => `${one.value || "none"} ${short(one.contribution)}`);
  if (shown.length === 0) return [];
  const parts =
    rate === null || mix === null
      ? ""
      : ` (${short(rate)} within them, ${short(mix)} because there are more of some)`;
  return [`moved by ${dimension}: ${shown.join(", ")}${parts}`];
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
