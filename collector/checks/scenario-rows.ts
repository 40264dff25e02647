/** Test support: rows of scenarios that are neither calls nor scores. */
import type { ClickHouseClient } from "@clickhouse/client";

/** Minutes before noon at which every project begins, and after it at which the scenarios end. */
export const NOON_BEFORE = 26 * 60;
export const MINUTES = 330;
const HISTORY_DAYS = [1, 2, 3, 4, 7, 14, 21, 28, 35];

/** What is not a call or a score. Each minute from `from` up to `to` (the whole time where they are not said). */
export type Also =
  | { of: "outcome"; from: number; to: number; each: number; outcome: string; detail: string }
  /** Retrievals or tool calls; in the weeks before, too, without a failure. */
  | {
      of: "work";
      operation: string;
      each: number;
      parts?: readonly { from: number; failed: number }[];
    }
  /** Guardrail checks; in the weeks before one in a hundred did something. */
  | {
      of: "guardrail";
      rule: string;
      each: number;
      parts: readonly { from: number; share: number }[];
    }
  | { of: "guardrail-error"; from: number; to: number }
  /** A trace's spans. */
  | { of: "trace"; from: number; to: number; every: number; spans: readonly Partial<TraceSpan>[] }
  | { of: "model"; at: number; value: string }
  /** Prompts that were asked four times on the day before, and got so many different answers. */
  | { of: "answers"; prompts: number; different: number };

interface TraceSpan {
  operation: string;
  status: string;
  model: string;
  tool: string;
  times: number;
}

interface Place {
  project: string;
  /** Unix seconds. */
  noon: number;
}

const SHARED = {
  service: "web",
  environment: "production",
  provider: "openai",
  request_model: "m",
};

export async function writeAlso(
  client: ClickHouseClient,
  { project, noon, also }: Place & { also: Also },
): Promise<void> {
  const insert = (table: string, values: object[]) =>
    client.insert({ table, values, format: "JSONEachRow" });
  const at = (minute: number): number => noon + Math.round(minute * 60);
  switch (also.of) {
    case "outcome": {
      const rows = minutes(also.from, also.to, also.each).map(({ minute, count }) => ({
        ...SHARED, project, ts: at(minute), operation: "chat", outcome: also.outcome, detail: also.detail, spans: count,
      })); // prettier-ignore
      return void (await insert("outcomes_1m", rows));
    }
    case "work":
      return writeWork(insert, { project, noon }, also);
    case "guardrail":
      return writeGuardrail(insert, { project, noon }, also);
    case "guardrail-error": {
      const rows = minutes(also.from, also.to, 1).map(({ minute }) => ({
        ...guardrail(project, at(minute), "urls"), action: "pass", error: "timeout", checks: 1, matches: 0,
      })); // prettier-ignore
      return void (await insert("guardrail_1m", rows));
    }
    case "trace":
      return void (await insert("spans", spansOf({ project, noon }, also)));
    case "model":
      return void (await insert("cost_by_release_1d", [
        { project, ...SHARED, response_model: also.value, day: day(at(also.at)), first_seen: at(also.at), last_seen: at(also.at), spans: 1 },
      ])); // prettier-ignore
    case "answers": {
      const rows = Array.from({ length: also.prompts }, (_, prompt) =>
        Array.from({ length: also.different }, (_, answer) => ({
          project, day: day(noon - 86_400), model: "m", prompt, answer, calls: 4 / also.different,
        })),
      ).flat(); // prettier-ignore
      return void (await insert("answers_1d", rows));
    }
  }
}

type Insert = (table: string, values: object[]) => Promise<unknown>;
type Of<Kind extends Also["of"]> = Extract<Also, { of: Kind }>;

/** Whole numbers for each minute; of less than one a minute, one now and then. */
function minutes(from: number, to: number, each: number): { minute: number; count: number }[] {
  const step = each >= 1 ? 1 : Math.round(1 / each);
  const count = Math.max(1, Math.round(each));
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => ({
    minute: from + i * step,
    count,
  }));
}

/** The same hours of earlier days and weeks. */
export function earlierHours(noon: number): number[] {
  return HISTORY_DAYS.flatMap((days) =>
    Array.from({ length: 10 }, (_, i) => noon - days * 86_400 + (i - 2) * 3_600),
  );
}

async function writeWork(
  insert: Insert,
  { project, noon }: Place,
  { operation, each, parts = [] }: Of<"work">,
): Promise<void> {
  const row = (ts: number, spans: number, failed: number) => ({
    project, ts, ...SHARED, provider: "", request_model: "", operation, is_model_call: false, status: "ok", spans, errors: Math.round(spans * failed),
  }); // prettier-ignore
  await insert(
    "llm_1h",
    earlierHours(noon).map((ts) => row(ts, each * 60, 0)),
  );
  const failedAt = (minute: number) => parts.findLast(({ from }) => minute >= from)?.failed ?? 0;
  await insert(
    "llm_1m",
    minutes(-NOON_BEFORE, MINUTES, each).map(({ minute, count }) =>
      row(noon + minute * 60, count, failedAt(minute)),
    ),
  );
}

function guardrail(project: string, ts: number, rule: string): object {
  return {
    project, ts, service: "web", environment: "production", release: "r1", guard: "main", check_name: rule, stage: "input", error: "",
  }; // prettier-ignore
}

async function writeGuardrail(
  insert: Insert,
  { project, noon }: Place,
  { rule, each, parts }: Of<"guardrail">,
): Promise<void> {
  const rows = (ts: number, checks: number, share: number) => {
    const blocked = Math.round(checks * share);
    const one = guardrail(project, ts, rule);
    return [
      { ...one, action: "pass", checks: checks - blocked, matches: 0 },
      { ...one, action: "block", checks: blocked, matches: blocked },
    ];
  };
  await insert(
    "guardrail_1m",
    earlierHours(noon).flatMap((ts) => rows(ts, each * 60, 0.01)),
  );
  const shareAt = (minute: number) => parts.findLast(({ from }) => minute >= from)?.share ?? 0.01;
  await insert(
    "guardrail_1m",
    minutes(-180, MINUTES, each).flatMap(({ minute, count }) =>
      rows(noon + minute * 60, count, shareAt(minute)),
    ),
  );
}

function spansOf({ project, noon }: Place, { from, to, every, spans }: Of<"trace">): object[] {
  const traces = Array.from({ length: Math.floor((to - from) / every) }, (_, i) => i);
  return traces.flatMap((i) => {
    const ts = noon + Math.round((from + i * every) * 60);
    const traceId = `${from}/${every}/${i}`.padStart(16, ".").slice(-16);
    return spans.flatMap(({ times = 1, operation = "chat", status = "ok", model = "", tool = "" }, n) =>
      Array.from({ length: times }, (_, k) => ({
        project, trace_id: traceId, span_id: `${n}.${k}`.padStart(8, "."), event_time: `${ts}.000000000`, received_at: `${ts}.000`,
        start_unix_nano: `${ts}000000000`, service: "web", environment: "production", operation, is_model_call: operation === "chat", status,
        request_model: model, response_model: status === "ok" ? model : "", tool_name: tool,
      })),
    ); // prettier-ignore
  });
}

function day(unixSeconds: number): string {
  return new Date(unixSeconds * 1_000).toISOString().slice(0, 10);
}
