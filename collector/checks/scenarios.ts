/**
 * Test support: what happened in a number of projects around one noon, and which checks must fire for it, and which must not.
 *
 * Every project has ordinary traffic at the same hours of weeks before; each then goes its own way from minute 0.
 * scenario-spans.ts makes OTLP of the calls, scenario-scores.ts of what judges say.
 */
export const NOON_BEFORE = 26 * 60;
/** After noon, when traffic ends; what is looked at by the hour or the day goes on. */
export const MINUTES = 360;
export const LATER = 50 * 60;

/** Minutes from noon; each part lasts up to the next one's beginning. */
export interface Traffic {
  from: number;
  /** A minute; less than one: every so many minutes. */
  calls?: number;
  /** Share that fails, and how. */
  errors?: number;
  error?: string;
  /** Tokens of a call; they decide what it costs: USD_PER_TOKEN. */
  input?: number;
  output?: number;
  ms?: number;
  model?: string;
  /** Shares of the answers. */
  cut?: number;
  empty?: number;
}

/** Each minute from its own `from` on; what is not said is nothing. */
export interface Work {
  operation: "retrieval" | "execute_tool";
  /** A minute; in the weeks before, too. */
  each: number;
  /** Shares that fail, and that find no document. */
  parts?: readonly { from: number; failed?: number; empty?: number; each?: number }[];
}

export interface Guardrail {
  rule: string;
  /** Checks a minute. */
  each: number;
  /** Shares that are blocked, and that fail and let pass; one in a hundred is blocked before. */
  parts?: readonly { from: number; blocked?: number; failed?: number; each?: number }[];
}

/** A trace every so many minutes, with these spans. */
export interface Trace {
  from: number;
  to: number;
  every: number;
  spans: readonly {
    operation?: string;
    status?: string;
    model?: string;
    tool?: string;
    times?: number;
  }[];
}

/** Of prompts that were asked four times each at temperature 0, at this minute: so many answers to one. */
export interface Answers {
  at: number;
  prompts: number;
  different: number;
}

export interface Scores {
  from: number;
  to: number;
  /** An hour. */
  n: number;
  norm: number;
  /** Share of them that failed to be judged. */
  failed?: number;
  release?: string;
  sentinel?: boolean;
  /** @default "relevance" */
  metric?: string;
}

/** What a check must not fire for, though the level is the same. */
export type Reason = "too few" | "traffic stops" | "a gap" | "the judge is away";

export interface Scenario {
  /** For the table in the docs. */
  what: string;
  /** Calls a minute in the weeks before, and after where nothing else is said. @default 20 */
  usual?: number;
  /** Weeks before in which there was traffic. One is enough to tell what is dear or slow, but not what has stopped. @default 1 */
  weeks?: number;
  /** Minutes before noon, from which on there are spans. @default 75 */
  before?: number;
  traffic?: readonly Traffic[];
  work?: readonly Work[];
  guardrails?: readonly Guardrail[];
  traces?: readonly Trace[];
  answers?: readonly Answers[];
  scores?: readonly Scores[];
  /** One of so many calls has its text with it, and is chosen to be judged. */
  chosenOf?: number;
  /** Must fire, and by which minute. */
  fires?: Readonly<Record<string, number>>;
  /** Of those, which must be over at the end. */
  resolves?: readonly string[];
  /** Must be held back. */
  muted?: readonly string[];
  /** Must not fire; with `true`, none but those that must. */
  quiet?: readonly string[] | true;
  /** Why those that must not fire do not. */
  because?: Reason;
}

/** Of the model "m"; 400 and 100 tokens are a cent. */
export const USD_PER_TOKEN = { input: 10e-6, output: 60e-6 };

export const NORMAL: Required<Traffic> = {
  from: 0,
  calls: 20,
  errors: 0,
  error: "BadRequest",
  input: 400,
  output: 100,
  ms: 800,
  model: "m",
  cut: 0,
  empty: 0,
};

const scored = (norm: number, n = 200, more: Partial<Scores> = {}): Scores => ({
  from: -NOON_BEFORE,
  to: MINUTES,
  n,
  norm,
  ...more,
});
/** Where calls do not matter. */
const QUIET_SERVICE = { usual: 1 };
const SEVERAL_WEEKS = 3;

/** Something of everything that a check looks at, at its ordinary level but for the minutes that are left out. */
function everything(without: { from: number; to: number }, judgedWithout = without) {
  const parts = [{ from: without.from, each: 0 }, { from: without.to }];
  const around = (scores: Partial<Scores> & { norm: number }): Scores[] => [
    scored(scores.norm, 200, { ...scores, to: judgedWithout.from }),
    scored(scores.norm, 200, { ...scores, from: judgedWithout.to }),
  ];
  return {
    traffic: parts.map(({ from, each }) => ({ from, ...(each === 0 && { calls: 0 }) })),
    work: [
      { operation: "retrieval", each: 5, parts },
      { operation: "execute_tool", each: 5, parts },
    ],
    guardrails: [{ rule: "pii", each: 10, parts }],
    scores: [
      ...around({ norm: 0.8 }),
      ...around({ norm: 0.9, metric: "faithfulness" }),
      ...around({ norm: 0.8, sentinel: true, n: 20 }),
    ],
    answers: [{ at: -1_440, prompts: 40, different: 1 }],
    weeks: SEVERAL_WEEKS,
    before: 240,
    chosenOf: 6,
  } as const satisfies Partial<Scenario>;
}
const NEVER = { from: MINUTES, to: MINUTES };

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  steady: { what: "nothing happens", ...everything(NEVER), quiet: true },
  stops: {
    what: "everything stops",
    ...everything({ from: 0, to: MINUTES }),
    fires: { "traffic-stopped": 25 },
    quiet: true,
    because: "traffic stops",
  },
  gap: {
    what: "for ten minutes nothing comes at all",
    ...everything({ from: 0, to: 10 }),
    quiet: true,
    because: "a gap",
  },
  "judge-away": {
    what: "records are chosen, and for two hours none is judged",
    ...everything(NEVER, { from: 0, to: 120 }),
    fires: { "judge-silent": 100, "judge-backlog": 100 },
    resolves: ["judge-silent", "judge-backlog"],
    quiet: true,
    because: "the judge is away",
  },
  "judge-away-few": {
    what: "ten records an hour are chosen, and none is judged",
    ...QUIET_SERVICE,
    chosenOf: 6,
    quiet: ["judge-silent", "judge-backlog"],
    because: "too few",
  },
  little: {
    what: "everything is bad, and there is little of it",
    weeks: SEVERAL_WEEKS,
    usual: 0.1,
    traffic: [{ from: 0, errors: 0.5, error: "429", input: 4_000, output: 1_000, ms: 8_000, cut: 0.5, empty: 0.4 }],
    work: [
      { operation: "retrieval", each: 0.2, parts: [{ from: 0, empty: 1 }] },
      { operation: "execute_tool", each: 0.2, parts: [{ from: 0, failed: 1 }] },
    ],
    guardrails: [{ rule: "pii", each: 0.2, parts: [{ from: 0, blocked: 1 }] }],
    traces: [
      { from: 0, to: MINUTES, every: 15, spans: [{ model: "m", status: "error" }, { model: "n" }] },
      { from: 0, to: MINUTES, every: 10, spans: [{ operation: "execute_tool", tool: "t", times: 12 }] },
      { from: -20 * 1_440, to: -20 * 1_440 + 2, every: 1, spans: [{ model: "m" }, { model: "n" }] },
    ],
    answers: [{ at: -1_440, prompts: 3, different: 4 }],
    scores: [
      scored(0.8, 4, { to: -240, release: "v1" }),
      { from: -240, to: MINUTES, n: 4, norm: 0.1, failed: 0.4, release: "v2" },
      { from: -240, to: MINUTES, n: 4, norm: 0.1, metric: "faithfulness" },
      { from: -7 * 1_440, to: -240, n: 1, norm: 0.8, sentinel: true },
      { from: -240, to: MINUTES, n: 1, norm: 0.3, sentinel: true },
    ],
    chosenOf: 1,
    quiet: true,
    because: "too few",
  },
  failing: {
    what: "60 % of the calls fail for an hour",
    weeks: SEVERAL_WEEKS,
    traffic: [{ from: 0, errors: 0.6 }, { from: 60 }],
    fires: { "error-budget-fast": 20, "error-budget-slow": 45 },
    resolves: ["error-budget-fast", "error-budget-slow"],
    quiet: ["traffic-stopped", "cost-spike", "latency-p95"],
  },
  "failing-few": {
    what: "60 % of the calls fail, one call a minute",
    weeks: SEVERAL_WEEKS,
    usual: 1,
    traffic: [{ from: 0, errors: 0.6 }],
    quiet: ["error-budget-fast", "traffic-stopped"],
    because: "too few",
  },
  "failing-steadily": {
    what: "5 % of the calls fail for a day",
    before: NOON_BEFORE,
    traffic: [{ from: -NOON_BEFORE, errors: 0.05 }, { from: -30 }],
    fires: { "error-budget-ticket": 30 },
    resolves: ["error-budget-ticket"],
    quiet: ["error-budget-fast", "error-budget-slow"],
  },
  stopped: {
    what: "a busy service makes no call for an hour",
    weeks: SEVERAL_WEEKS,
    traffic: [{ from: 0, calls: 0 }, { from: 60 }],
    fires: { "traffic-stopped": 25 },
    resolves: ["traffic-stopped"],
    quiet: ["error-budget-fast", "error-budget-slow", "cost-spike", "latency-p95", "cost-per-call"],
    because: "traffic stops",
  },
  "stopped-quiet": {
    what: "a service that makes a call now and then makes none",
    weeks: SEVERAL_WEEKS,
    usual: 0.5,
    traffic: [{ from: 0, calls: 0 }],
    quiet: ["traffic-stopped"],
    because: "too few",
  },
  dearer: {
    what: "a call costs twice as much, at 1,000 calls an hour",
    usual: 17,
    traffic: [{ from: 0, input: 200, output: 300 }, { from: 120 }],
    fires: { "cost-spike": 15, "cost-per-call": 90, "cost-slices": 90 },
    resolves: ["cost-spike", "cost-per-call", "cost-slices"],
    quiet: ["error-budget-fast", "latency-p95", "token-spike"],
  },
  "dearer-cheap": {
    what: "a call costs twice as much, in a project that spends 24 cents an hour",
    traffic: [
      { from: -NOON_BEFORE, input: 8, output: 2 },
      { from: 0, input: 4, output: 6 },
    ],
    quiet: ["cost-spike", "cost-slices"],
    because: "too few",
  },
  busier: {
    what: "three times the calls at the same price each",
    weeks: SEVERAL_WEEKS,
    traffic: [{ from: 0, calls: 60 }, { from: 120 }],
    fires: { "cost-spike": 15, "token-spike": 30 },
    resolves: ["cost-spike", "token-spike"],
    quiet: ["cost-per-call", "latency-p95", "traffic-stopped"],
  },
  slower: {
    what: "calls take three times as long",
    traffic: [{ from: 0, ms: 2_400 }, { from: 60 }],
    fires: { "latency-p95": 25, "ttft-p95": 30 },
    resolves: ["latency-p95", "ttft-p95"],
    quiet: ["cost-spike", "error-budget-fast"],
  },
  "slower-few": {
    what: "calls take three times as long, two calls a minute",
    usual: 2,
    traffic: [{ from: 0, ms: 2_400 }],
    quiet: ["latency-p95", "ttft-p95"],
    because: "too few",
  },
  unpriced: {
    what: "calls of a model have no price",
    weeks: SEVERAL_WEEKS,
    traffic: [{ from: 0, model: "home-made" }, { from: 60 }],
    fires: { "unpriced-model": 20 },
    resolves: ["unpriced-model"],
    quiet: ["error-budget-fast", "traffic-stopped"],
  },
  budgeted: {
    what: "$12 an hour are spent, much more than the month's budget allows, and then hardly anything",
    traffic: [{ from: -NOON_BEFORE }, { from: 60, input: 4, output: 1 }],
    fires: { "spend-burn": 20, "spend-forecast": 80 },
    resolves: ["spend-burn", "spend-forecast"],
    quiet: ["cost-spike"],
  },
  "bad-answers": {
    what: "answers stop passing the judge for three hours",
    ...QUIET_SERVICE,
    scores: [
      scored(0.8, 400, { to: 0 }),
      { from: 0, to: 180, n: 400, norm: 0.1 },
      { from: 180, to: MINUTES, n: 400, norm: 0.8 },
    ],
    fires: { "quality-budget-fast": 100, "quality-budget-slow": 210 },
    resolves: ["quality-budget-fast", "quality-budget-slow"],
    quiet: ["judge-failing", "judge-silent", "error-budget-fast"],
  },
  "bad-answers-few": {
    what: "answers stop passing the judge, ten judged an hour",
    ...QUIET_SERVICE,
    scores: [scored(0.8, 10, { to: 0 }), { from: 0, to: MINUTES, n: 10, norm: 0.1 }],
    fires: { "quality-drop": 240 },
    quiet: ["quality-budget-fast", "quality-budget-slow"],
    because: "too few",
  },
  "worse-answers": {
    what: "a third of the answers do not pass the judge, for a day",
    ...QUIET_SERVICE,
    scores: [scored(0.55, 100, { to: 30 }), { from: 30, to: LATER, n: 100, norm: 0.8 }],
    fires: { "quality-budget-ticket": 70 },
    resolves: ["quality-budget-ticket"],
    quiet: ["quality-budget-fast", "judge-failing"],
  },
  "judge-broken": {
    what: "half of the judgements fail, and the others are bad scores",
    ...QUIET_SERVICE,
    scores: [
      scored(0.8, 400, { to: 0 }),
      { from: 0, to: 120, n: 400, norm: 0.1, failed: 0.5 },
      { from: 120, to: MINUTES, n: 400, norm: 0.8 },
    ],
    fires: { "judge-failing": 60 },
    resolves: ["judge-failing"],
    muted: ["quality-budget-fast"],
    quiet: ["quality-budget-fast", "quality-budget-slow"],
    because: "the judge is away",
  },
  "judge-drifts": {
    what: "for five hours records that never change get lower scores than before",
    ...QUIET_SERVICE,
    scores: [
      { from: -14 * 1_440, to: -240, n: 20, norm: 0.8, sentinel: true },
      { from: -240, to: 60, n: 60, norm: 0.3, sentinel: true },
      { from: 60, to: LATER, n: 20, norm: 0.8, sentinel: true },
    ],
    fires: { "judge-drift": 240 },
    resolves: ["judge-drift"],
    quiet: ["quality-budget-fast", "quality-drop"],
  },
  "worse-release": {
    what: "the newest release is judged worse, and the next one better",
    ...QUIET_SERVICE,
    scores: [
      { from: -7 * 1_440, to: -240, n: 20, norm: 0.8, release: "v1" },
      { from: -240, to: 240, n: 60, norm: 0.55, release: "v2" },
      { from: 240, to: LATER, n: 60, norm: 0.8, release: "v3" },
    ],
    fires: { "quality-release": 240 },
    resolves: ["quality-release"],
    quiet: ["quality-budget-fast", "judge-failing"],
  },
  "worse-then-better": {
    what: "answers stop passing the judge for two hours, and pass again",
    ...QUIET_SERVICE,
    scores: [
      scored(0.8, 60, { to: 0 }),
      { from: 0, to: 90, n: 60, norm: 0.2 },
      { from: 90, to: MINUTES, n: 60, norm: 0.8 },
    ],
    fires: { "quality-drop": 130 },
    resolves: ["quality-drop"],
    quiet: ["judge-failing"],
  },
  unfaithful: {
    what: "answers are not faithful to their context for two hours",
    ...QUIET_SERVICE,
    scores: [
      scored(0.9, 200, { to: 0, metric: "faithfulness" }),
      { from: 0, to: 120, n: 200, norm: 0.4, metric: "faithfulness" },
      { from: 120, to: MINUTES, n: 200, norm: 0.9, metric: "faithfulness" },
    ],
    fires: { "faithfulness-floor": 90 },
    resolves: ["faithfulness-floor"],
    quiet: ["judge-failing"],
  },
  "unfaithful-few": {
    what: "answers are not faithful to their context, ten judged an hour",
    ...QUIET_SERVICE,
    scores: [
      scored(0.9, 10, { to: 0, metric: "faithfulness" }),
      { from: 0, to: MINUTES, n: 10, norm: 0.4, metric: "faithfulness" },
    ],
    quiet: ["faithfulness-floor"],
    because: "too few",
  },
  refused: {
    what: "a provider refuses a fifth of the calls (429) for an hour",
    weeks: SEVERAL_WEEKS,
    traffic: [{ from: 0, errors: 0.2, error: "429" }, { from: 60 }],
    fires: { "provider-errors": 25, "rate-limited": 45 },
    resolves: ["provider-errors", "rate-limited"],
    quiet: ["latency-p95", "traffic-stopped", "fallback-share"],
  },
  "refused-few": {
    what: "a provider refuses a fifth of the calls, one call every two minutes",
    usual: 0.5,
    traffic: [{ from: 0, errors: 0.2, error: "429" }],
    quiet: ["provider-errors", "rate-limited"],
    because: "too few",
  },
  "ended-badly": {
    what: "a third of the answers is cut off and a tenth is empty, for two hours",
    traffic: [{ from: 0, cut: 0.35, empty: 0.1 }, { from: 120 }],
    fires: { "truncated-answers": 60, "empty-answers": 60 },
    resolves: ["truncated-answers", "empty-answers"],
    quiet: ["error-budget-fast", "cost-spike", "provider-errors"],
  },
  "finds-nothing": {
    what: "half of the retrievals find nothing and half of the tools fail, for two hours",
    ...QUIET_SERVICE,
    work: [
      { operation: "retrieval", each: 10, parts: [{ from: 0, empty: 0.5 }, { from: 120 }] },
      { operation: "execute_tool", each: 10, parts: [{ from: 0, failed: 0.5 }, { from: 120 }] },
    ],
    fires: { "empty-retrievals": 60, "tool-failures": 60 },
    resolves: ["empty-retrievals", "tool-failures"],
    quiet: ["error-budget-fast", "truncated-answers"],
  },
  "falls-back": {
    what: "in a third of the traces another model answers, for an hour",
    usual: 0,
    traces: [
      { from: -30, to: MINUTES, every: 0.2, spans: [{ model: "m" }] },
      { from: 0, to: 60, every: 0.4, spans: [{ model: "m", status: "error" }, { model: "n" }] },
    ],
    fires: { "fallback-share": 25 },
    resolves: ["fallback-share"],
    quiet: ["looping-agent"],
  },
  loops: {
    what: "agents call one tool twelve times, five traces in a quarter of an hour",
    ...QUIET_SERVICE,
    traces: [
      { from: -30, to: MINUTES, every: 3, spans: [{ operation: "execute_tool", tool: "t" }] },
      { from: 0, to: 15, every: 3, spans: [{ operation: "execute_tool", tool: "t", times: 12 }] },
    ],
    fires: { "looping-agent": 35 },
    resolves: ["looping-agent"],
    quiet: ["fallback-share"],
  },
  "guardrails-fail": {
    what: "a guardrail's check fails and lets pass what it should have looked at",
    ...QUIET_SERVICE,
    guardrails: [{ rule: "urls", each: 10, parts: [{ from: 0, failed: 0.1 }, { from: 30 }] }],
    fires: { "guardrail-bypass": 12 },
    resolves: ["guardrail-bypass"],
    quiet: ["guardrail-blocks", "pii-hits"],
  },
  "guardrails-busy": {
    what: "a fifth of what guardrails look at is blocked for personal data, for two hours",
    ...QUIET_SERVICE,
    guardrails: [{ rule: "pii", each: 10, parts: [{ from: 0, blocked: 0.2 }, { from: 120 }] }],
    fires: { "guardrail-blocks": 60, "pii-hits": 60 },
    resolves: ["guardrail-blocks", "pii-hits"],
    quiet: ["guardrail-bypass"],
  },
  "another-model": {
    what: "a model answers for the first time",
    ...QUIET_SERVICE,
    traces: [
      { from: -20 * 1_440, to: -20 * 1_440 + 1, every: 1, spans: [{ model: "m" }] },
      { from: 5, to: 6, every: 1, spans: [{ model: "m-2" }] },
    ],
    fires: { "new-model": 35 },
    resolves: ["new-model"],
    quiet: ["cost-spike", "latency-p95"],
  },
  "answers-vary": {
    what: "calls at temperature 0 get four answers to one prompt, and on the next day one",
    ...QUIET_SERVICE,
    answers: [
      { at: -1_440, prompts: 60, different: 4 },
      { at: 240, prompts: 60, different: 1 },
    ],
    fires: { "answers-differ": 30 },
    resolves: ["answers-differ"],
    quiet: ["quality-drop"],
  },
}; // prettier-ignore
