/** What the speed of the query API is measured by: questions as the page and its users ask them, each with its bar. */
import { PROJECTS } from "./query-spans.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What the questions are about. */
export interface Subject {
  /** Unix milliseconds at which the last day ends. */
  toMs: number;
  days: number;
  /** Trace ids of all days. */
  traces: string[];
  /** Sessions of all days, with their project. */
  sessions: { session: string; project: string }[];
  /** Content's numbers, and the day it is of. */
  orders: { order: string; dayMs: number }[];
  textIndex: boolean;
}

/** `round` makes the n-th asking differ from the others. */
type Ask = (subject: Subject, round: number) => string | { path: string; body: object };

export interface QuestionKind {
  barMs: number;
  /** With the text index. */
  indexedBarMs?: number;
  questions: Record<string, Ask>;
}

const range = (fromMs: number, toMs: number): string => `from=${fromMs}&to=${toMs}`;
const month = ({ toMs, days }: Subject): string => range(toMs - days * DAY_MS, toMs);
const pick = <T>(list: readonly T[], round: number): T => list[(round * 7919) % list.length]!;
/** A whole day of content. */
const dayOf = ({ dayMs }: { dayMs: number }): string => range(dayMs, dayMs + DAY_MS);

export const KINDS: Record<string, QuestionKind> = {
  "cost review of a month, charts by rollup dimensions": {
    barMs: 150,
    questions: {
      "month by project": (s) => `/api/v1/costs?${month(s)}&percentiles=false&by=project`,
      "month by model": (s) => `/api/v1/costs?${month(s)}&percentiles=false&by=model`,
      "month by day and model": (s) =>
        `/api/v1/costs?${month(s)}&percentiles=false&by=model&step=1d`,
      "month of a project by service and environment": (s, i) =>
        `/api/v1/costs?${month(s)}&percentiles=false&by=service,environment&project=${pick(PROJECTS, i)}`,
      "month by release and prompt": (s, i) =>
        `/api/v1/costs?${month(s)}&by=prompt_version,region&project=${pick(PROJECTS, i)}&step=1d`,
      "month, shares and cost a call by day": ({ toMs, days }) => ({
        path: "/api/v1/query",
        body: {
          from: String(toMs - days * DAY_MS),
          to: String(toMs),
          measures: ["cost", "calls", "error_share", "cost_per_call", "cached_share"],
          by: ["model"],
          step: "1d",
        },
      }),
      "a day by hour and model": ({ toMs }, i) =>
        `/api/v1/costs?${range(toMs - (1 + (i % 20)) * DAY_MS, toMs - (i % 20) * DAY_MS)}&percentiles=false&by=model&step=1h`,
    },
  },
  "the same with percentiles": {
    barMs: 150,
    questions: {
      "month, percentiles and shares by day": ({ toMs, days }) => ({
        path: "/api/v1/query",
        body: {
          from: String(toMs - days * DAY_MS),
          to: String(toMs),
          measures: ["cost", "calls", "error_share", "latency_p95", "ttft_p95", "cached_share"],
          by: ["model"],
          step: "1d",
        },
      }),
      "a day by hour and model": ({ toMs }, i) =>
        `/api/v1/costs?${range(toMs - (1 + (i % 20)) * DAY_MS, toMs - (i % 20) * DAY_MS)}&by=model&step=1h`,
      "six hours by five minutes": ({ toMs }, i) =>
        `/api/v1/costs?${range(toMs - 6 * HOUR_MS, toMs)}&step=5m&project=${pick(PROJECTS, i)}`,
      "three hours by model": ({ toMs }) =>
        `/api/v1/costs?${range(toMs - 3 * HOUR_MS, toMs)}&by=model`,
    },
  },
  "by user, session or trace": {
    barMs: 3_000,
    questions: {
      "the month of a user by day": (s, i) => {
        const user = (i * 7919) % 40_000;
        return `/api/v1/costs?${month(s)}&user=user-${user}&project=${PROJECTS[user % 5]}&step=1d&by=request_model`;
      },
      "users of a project in a week": ({ toMs }, i) => ({
        path: "/api/v1/query",
        body: {
          from: String(toMs - 7 * DAY_MS),
          to: String(toMs),
          measures: ["cost", "calls"],
          by: ["user"],
          filters: { project: pick(PROJECTS, i) },
          limit: 100,
        },
      }),
      "dearest sessions of a day": ({ toMs }, i) =>
        `/api/v1/sessions?${range(toMs - DAY_MS, toMs)}&order=cost&limit=20&project=${pick(PROJECTS, i)}`,
      "spans of a session in the month": (s, i) => {
        const { session, project } = pick(s.sessions, i);
        return `/api/v1/spans?${month(s)}&session=${session}&project=${project}`;
      },
      "spans of a user in a week": ({ toMs }, i) => {
        const user = (i * 7919) % 40_000;
        return `/api/v1/spans?${range(toMs - 7 * DAY_MS, toMs)}&user=user-${user}&project=${PROJECTS[user % 5]}`;
      },
      "newest traces": ({ toMs }, i) =>
        `/api/v1/traces?${range(toMs - DAY_MS, toMs)}&limit=50&project=${pick(PROJECTS, i)}`,
    },
  },
  "a trace by id": {
    barMs: 50,
    questions: { "a trace": ({ traces }, i) => `/api/v1/traces/${pick(traces, i)}` },
  },
  "newest spans of a project": {
    barMs: 200,
    questions: {
      "fifty of a day": ({ toMs }, i) =>
        `/api/v1/spans?${range(toMs - DAY_MS, toMs)}&limit=50&project=${pick(PROJECTS, i)}`,
      "of a model, failed": ({ toMs }, i) =>
        `/api/v1/spans?${range(toMs - DAY_MS, toMs)}&limit=50&project=${pick(PROJECTS, i)}&status=error&operation=chat`,
      "of a model, in a month": (s, i) =>
        `/api/v1/spans?${month(s)}&limit=50&project=${pick(PROJECTS, i)}&model=model-${i % 12}`,
      "of an environment and service": ({ toMs }, i) =>
        `/api/v1/spans?${range(toMs - 7 * DAY_MS, toMs)}&limit=100&project=${pick(PROJECTS, i)}&environment=staging&service=${pick(PROJECTS, i)}-api`,
    },
  },
  "words in a day's content": {
    barMs: 5_000,
    indexedBarMs: 1_000,
    questions: {
      "one order": ({ orders }, i) => {
        const order = pick(orders, i);
        return `/api/v1/search?${dayOf(order)}&q=order+${order.order}`;
      },
      "an order that is not there": ({ orders }, i) =>
        `/api/v1/search?${dayOf(pick(orders, i))}&q=order+none${i}`,
      "a common word": ({ orders }, i) => `/api/v1/search?${dayOf(pick(orders, i))}&q=order`,
      "a phrase": ({ orders }, i) => {
        const order = pick(orders, i);
        return `/api/v1/search?${dayOf(order)}&q=%22content+order-${order.order}%22`.replace(
          "content+",
          "",
        );
      },
    },
  },
};
