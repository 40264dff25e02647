/** Test support: the calls, retrievals, tools and guardrails of a scenario as OTLP, as a service would have sent them. */
import { ATTR, GUARDRAIL_EVENT } from "@assay/instrumentation/conventions";
import {
  type Answers,
  type Guardrail,
  MINUTES,
  NOON_BEFORE,
  NORMAL,
  type Scenario,
  type Trace,
  type Traffic,
  type Work,
} from "./scenarios.ts";

const SPANS_BEFORE = 75;
/** Hours around noon that earlier weeks have, too. */
const EARLIER_HOURS = [-2, -1, 0, 1, 2, 3, 4, 5, 6, 7];
const PROVIDER = "own";
const SHARE_BLOCKED = 0.01;
/** Of an hour in the weeks before. */
const CHECKS_AN_HOUR = 100;

type Value = string | number | readonly string[];

interface Span {
  traceId: string;
  spanId: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status: { code?: number };
  attributes: object[];
  events?: object[];
}

interface Made {
  /** Minutes from noon. */
  at: number;
  ms?: number;
  failed?: string | undefined;
  /** @default one of its own */
  trace?: string;
  attributes: Record<string, Value>;
  events?: readonly Record<string, Value>[];
}

interface Request {
  spans: number;
  /** Of those, whose answer a judge is to see. */
  chosen: number;
  body: string;
}

/** Spans of one request. */
const BATCH = 2_000;
let ids = 0;
const id = (digits: number): string => (++ids).toString(16).padStart(digits, "0");

/** @param noon unix seconds */
export function* requestsOf(project: string, scenario: Scenario, noon: number): Generator<Request> {
  let spans: Span[] = [];
  let chosen = 0;
  const send = (): Request => {
    const scopeSpans = [{ spans }];
    const resource = {
      attributes: attributesOf({
        [ATTR.serviceNamespace]: project,
        [ATTR.serviceName]: "web",
        [ATTR.deploymentEnvironment]: "production",
      }),
    };
    const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans }] });
    const sent = { spans: spans.length, chosen, body };
    spans = [];
    chosen = 0;
    return sent;
  };
  for (const made of everythingOf(scenario)) {
    spans.push(spanOf(made, noon));
    if (ATTR.outputMessages in made.attributes) chosen++;
    if (spans.length === BATCH) yield send();
  }
  if (spans.length > 0) yield send();
}

function* everythingOf(scenario: Scenario): Generator<Made> {
  yield* earlierCallsOf(scenario);
  yield* callsOf(scenario);
  for (const work of scenario.work ?? []) yield* workOf(work);
  for (const guardrail of scenario.guardrails ?? []) yield* guardedOf(guardrail, scenario);
  for (const trace of scenario.traces ?? []) yield* traceOf(trace);
  for (const answers of scenario.answers ?? []) yield* answersOf(answers);
}

/** Each part up to the next one's beginning, from the first minute that has spans. */
function partsOf<Part extends { from: number }>(
  parts: readonly Part[],
  first: number,
): { part: Part | undefined; from: number; to: number }[] {
  const starts = [{ from: first, part: undefined }, ...parts.map((part) => ({ from: part.from, part }))];
  return starts.map(({ from, part }, i) => ({
    part,
    from: Math.max(first, from),
    to: Math.max(first, starts[i + 1]?.from ?? MINUTES),
  }));
} // prettier-ignore

/** So many a minute, evenly. */
function* times(from: number, to: number, each: number): Generator<{ at: number; i: number }> {
  const count = Math.ceil((to - from) * each - 1e-9);
  for (let i = 0; i < count; i++) yield { at: from + i / each, i };
}

/** Whether the i-th is one of this share; every tenth of a tenth. */
const isOneOf = (share: number, i: number): boolean =>
  Math.floor((i + 1) * share + 1e-9) > Math.floor(i * share + 1e-9);

/** Of the same hours in the weeks before. @returns minutes from noon */
function earlierHours({ weeks = 1 }: Scenario): number[] {
  return Array.from({ length: weeks }, (_, i) => -7 * (i + 1) * 1_440).flatMap((week) =>
    EARLIER_HOURS.map((hour) => week + hour * 60),
  );
}

/** A project whose calls always were others has a part that begins before them. */
function* earlierCallsOf(scenario: Scenario): Generator<Made> {
  const { usual = NORMAL.calls, traffic = [] } = scenario;
  const call = { ...NORMAL, ...traffic.find(({ from }) => from <= -NOON_BEFORE), errors: 0 };
  if (usual === 0) return;
  for (const hour of earlierHours(scenario))
    for (const { at, i } of times(hour, hour + 60, usual)) yield callOf(call, at, i);
}

function* callsOf({ usual = NORMAL.calls, before = SPANS_BEFORE, traffic = [], chosenOf }: Scenario): Generator<Made> {
  for (const { part, from, to } of partsOf<Traffic>(traffic, -before)) {
    const call = { ...NORMAL, calls: usual, ...part };
    if (call.calls > 0) for (const { at, i } of times(from, to, call.calls)) yield callOf(call, at, i, chosenOf !== undefined && i % chosenOf === 0);
  }
} // prettier-ignore

function callOf(call: Required<Traffic>, at: number, i: number, isChosen = false): Made {
  const { errors, error, input, output, model, cut, empty } = call;
  // Spread by ± 40 %.
  const ms = call.ms * (0.6 + (0.8 * ((i * 37) % 50)) / 50);
  const failed = isOneOf(errors, i) ? error : undefined;
  const isEmpty = isOneOf(empty, i + 3);
  return {
    at,
    ms,
    failed,
    attributes: {
      ...modelCall(model, failed === undefined),
      ...(isChosen && { [ATTR.inputMessages]: "a question", [ATTR.outputMessages]: "an answer" }),
      ...(failed === undefined && {
        [ATTR.inputTokens]: input,
        [ATTR.outputTokens]: isEmpty ? 0 : output,
        [ATTR.responseFinishReasons]: [isOneOf(cut, i) ? "length" : "stop"],
        [ATTR.responseTimeToFirstChunk]: (ms * 0.4) / 1_000,
      }),
    },
  };
}

function modelCall(model: string, isAnswered: boolean): Record<string, Value> {
  return {
    [ATTR.operationName]: "chat",
    [ATTR.providerName]: PROVIDER,
    [ATTR.requestModel]: model,
    ...(isAnswered && { [ATTR.responseModel]: model }),
  };
}

function* workOf({ operation, each, parts = [] }: Work): Generator<Made> {
  for (const { part, from, to } of partsOf(parts, -SPANS_BEFORE)) {
    const { failed = 0, empty = 0, each: now = each } = part ?? {};
    if (now === 0) continue;
    for (const { at, i } of times(from, to, now))
      yield {
        at,
        failed: isOneOf(failed, i) ? "Timeout" : undefined,
        attributes: {
          [ATTR.operationName]: operation,
          ...(operation === "retrieval"
            ? { [ATTR.assayDocumentCount]: isOneOf(empty, i) ? 0 : 3 }
            : { [ATTR.toolName]: "lookup" }),
        },
      };
  }
}

/** A guard's span each minute, with all of its checks; in the weeks before, each hour. */
function* guardedOf({ rule, each, parts = [] }: Guardrail, scenario: Scenario): Generator<Made> {
  const guarded = (at: number, results: Record<string, Value>[]): Made => ({
    at,
    attributes: { [ATTR.guardrailName]: "main" },
    events: results,
  });
  for (const hour of earlierHours(scenario))
    yield guarded(
      hour,
      Array.from({ length: CHECKS_AN_HOUR }, (_, i) => result(rule, isOneOf(SHARE_BLOCKED, i))),
    );
  for (const { part, from, to } of partsOf(parts, -180)) {
    const { blocked = SHARE_BLOCKED, failed = 0, each: now = each } = part ?? {};
    const all = now === 0 ? [] : [...times(from, to, now)];
    const byMinute = Map.groupBy(all, ({ at }) => Math.floor(at));
    for (const [at, checks] of byMinute)
      yield guarded(
        at,
        checks.map(({ i }) => result(rule, isOneOf(blocked, i), isOneOf(failed, i))),
      );
  }
}

function result(rule: string, isBlocked: boolean, isFailed = false): Record<string, Value> {
  return {
    [ATTR.guardrailName]: "main",
    [ATTR.guardrailCheck]: rule,
    [ATTR.guardrailStage]: "input",
    [ATTR.guardrailAction]: isBlocked && !isFailed ? "block" : "pass",
    [ATTR.guardrailMatchCount]: isBlocked ? 1 : 0,
    [ATTR.guardrailLatencyMs]: 2,
    ...(isFailed && { [ATTR.guardrailError]: "timeout" }),
  };
}

function* traceOf({ from, to, every, spans }: Trace): Generator<Made> {
  for (const { at } of times(from, to, 1 / every)) {
    const trace = id(32);
    for (const { operation = "chat", status = "ok", model = "m", tool = "t", times: count = 1 } of spans)
      for (let k = 0; k < count; k++)
        yield {
          at,
          trace,
          failed: status === "ok" ? undefined : "BadRequest",
          attributes:
            operation === "chat"
              ? { ...modelCall(model, status === "ok"), [ATTR.inputTokens]: 40, [ATTR.outputTokens]: 10 }
              : { [ATTR.operationName]: operation, [ATTR.toolName]: tool },
        };
  }
} // prettier-ignore

const CALLS_OF_A_PROMPT = 4;

function* answersOf({ at, prompts, different }: Answers): Generator<Made> {
  for (let prompt = 0; prompt < prompts; prompt++)
    for (let n = 0; n < CALLS_OF_A_PROMPT; n++)
      yield {
        at,
        attributes: {
          ...modelCall("m", true),
          [ATTR.inputTokens]: 40,
          [ATTR.outputTokens]: 10,
          [ATTR.requestTemperature]: 0,
          [ATTR.assayPromptHash]: prompt.toString(16).padStart(32, "0"),
          [ATTR.outputMessages]: `answer ${n % different}`,
        },
      };
}

function spanOf({ at, ms = 100, failed, trace, attributes, events = [] }: Made, noon: number): Span {
  const start = BigInt(Math.round((noon + at * 60) * 1_000)) * 1_000_000n;
  return {
    traceId: trace ?? id(32),
    spanId: id(16),
    name: "span",
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + BigInt(Math.round(ms * 1e6))),
    status: failed === undefined ? {} : { code: 2 },
    attributes: attributesOf({ ...attributes, ...(failed !== undefined && { [ATTR.errorType]: failed }) }),
    events: events.map((one) => ({ name: GUARDRAIL_EVENT, timeUnixNano: String(start), attributes: attributesOf(one) })),
  };
} // prettier-ignore

function attributesOf(values: Readonly<Record<string, Value>>): object[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: Value): object {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "number")
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  return { arrayValue: { values: value.map((one) => ({ stringValue: one })) } };
}
