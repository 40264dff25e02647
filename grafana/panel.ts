/** A panel as its author writes it: what it shows, why one would look at it, and the SQL. dashboard.ts makes Grafana's of it. */
export interface PanelSpec {
  kind: "timeseries" | "stat" | "table" | "barchart";
  title: string;
  /** What it tells, in a sentence. */
  description: string;
  /** One of Grafana's. */
  unit: string;
  sql: string;
  /** Of 24 columns. @default 12, 6 for a stat */
  width?: number;
  height?: number;
  stacked?: boolean;
  decimals?: number;
  min?: number;
  max?: number;
  /** Of a table's columns, where it is another than the panel's. */
  units?: Readonly<Record<string, string>>;
  /** Column whose values are ids of traces: they lead to the page. */
  traceColumn?: string;
}

/** A choice above the panels; `${name:singlequote}` in their SQL. */
interface VariableSpec {
  name: string;
  label: string;
  /** One column: what may be chosen. */
  sql: string;
}

export interface DashboardSpec {
  uid: string;
  title: string;
  description: string;
  /** @default now-7d */
  from?: string;
  /** Besides the projects. */
  variables?: readonly VariableSpec[];
  /** One project at a time. @default false */
  oneProject?: boolean;
  /** Releases and prompt versions as marks on charts. @default true */
  deploys?: boolean;
  rows: readonly { title: string; panels: readonly PanelSpec[] }[];
}

/** Of every query: the range and the projects chosen. `ts` is the table's own column of time. */
export const CHOSEN = "$__timeFilter(ts) AND project IN (${project:singlequote})";
