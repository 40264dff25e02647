/**
 * Every address of the API. The server's routes, the OpenAPI document and the typed client are made from this table, so
 * that none of them can say what another does not do.
 */
import * as answers from "./answers.ts";
import { budgetsAnswer, budgetsShape, readBudgets } from "./budgets.ts";
import { checksAnswer, checksShape, readChecks } from "./checks.ts";
import { costShape, readCosts } from "./costs.ts";
import { readReview, reviewAnswer, reviewShape } from "./cost/read-review.ts";
import { readVariance, varianceAnswer, varianceShape } from "./cost/read-variance.ts";
import { readWhatIf, whatIfAnswer, whatIfShape } from "./cost/what-if.ts";
import { determinismShape, readDeterminism } from "./determinism.ts";
import { experimentsAnswer, experimentsShape, getExperiments } from "./experiments.ts";
import { labelAnswer, labelShape, postLabel } from "./labels/label.ts";
import { nextLabel, nextLabelAnswer, nextLabelShape } from "./labels/queue.ts";
import { ledgerAnswer, ledgerShape, readLedger } from "./ledger/read-ledger.ts";
import { endpoint, streamEndpoint } from "./endpoint.ts";
import {
  acknowledge,
  acknowledgeAnswer,
  acknowledgeShape,
  incidentsAnswer,
  incidentsShape,
  listIncidents,
} from "./incidents.ts";
import { judgesShape, readJudges } from "./judges.ts";
import { readWhy, whyAnswer, whyShape } from "./judge-why.ts";
import { followSpans, liveShape } from "./live.ts";
import { modelsAnswer, modelsShape, readModels } from "./models.ts";
import { flag, readId, readParameters } from "./parameters.ts";
import { listProjects } from "./projects.ts";
import { evaluationsShape, listEvaluations } from "./evaluation-list.ts";
import { EXPORT_MEDIA, exportShape, exportSpans } from "./export.ts";
import { qualityShape, readQuality } from "./quality.ts";
import { queryAnswer, queryShape, runQuery } from "./query.ts";
import { searchAnswer, searchContent, searchShape } from "./search.ts";
import { listSessions, sessionsAnswer, sessionsShape } from "./sessions.ts";
import { listShape, listSpans, spansShape } from "./spans.ts";
import { readSpan, readTrace } from "./trace.ts";
import { listTraces } from "./traces.ts";

const nothing = () => ({});
const withContent = () => ({ content: flag.default(false) });

export const ENDPOINTS = {
  projects: endpoint({
    method: "get",
    path: "/api/v1/projects",
    summary: "The projects there are, with their last 31 days",
    parameters: nothing,
    answer: answers.projectsAnswer,
    run: ({ store, query }) => {
      readParameters({}, query);
      return listProjects(store);
    },
  }),
  query: endpoint({
    method: "post",
    path: "/api/v1/query",
    summary: "Any measures by any dimensions, filters and time step",
    parameters: queryShape,
    answer: queryAnswer,
    run: ({ store, body, nowMs }) => runQuery(store, body, nowMs),
  }),
  budgets: endpoint({
    method: "get",
    path: "/api/v1/budgets",
    summary: "Budgets: spent, forecast and burn rate of the month",
    parameters: budgetsShape,
    answer: budgetsAnswer,
    run: (call) => readBudgets(call),
  }),
  costReview: endpoint({
    method: "get",
    path: "/api/v1/costs/review",
    summary:
      "Top spenders, dearest traces, cached share, cost per answered question and per quality point",
    parameters: reviewShape,
    answer: reviewAnswer,
    run: (call) => readReview(call),
  }),
  costs: endpoint({
    method: "get",
    path: "/api/v1/costs",
    summary: "Calls, tokens, cost and latency of model calls",
    parameters: costShape,
    answer: answers.costsAnswer,
    run: ({ store, query, nowMs }) => readCosts(store, query, nowMs),
  }),
  variance: endpoint({
    method: "get",
    path: "/api/v1/costs/variance",
    summary: "Why the cost changed, in parts that sum to the change",
    parameters: varianceShape,
    answer: varianceAnswer,
    run: (call) => readVariance(call),
  }),
  ledger: endpoint({
    method: "get",
    path: "/api/v1/ledger",
    summary: "Every token in one bucket, with its cost, and the sums checked",
    parameters: ledgerShape,
    answer: ledgerAnswer,
    run: (call) => readLedger(call),
  }),
  whatIf: endpoint({
    method: "get",
    path: "/api/v1/what-if",
    summary: "What recorded calls would have cost on other models",
    parameters: whatIfShape,
    answer: whatIfAnswer,
    run: (call) => readWhatIf(call),
  }),
  models: endpoint({
    method: "get",
    path: "/api/v1/models",
    summary: "The models in use, side by side",
    parameters: modelsShape,
    answer: modelsAnswer,
    run: (call) => readModels(call),
  }),
  sessions: endpoint({
    method: "get",
    path: "/api/v1/sessions",
    summary: "Conversations, newest or dearest first",
    parameters: sessionsShape,
    answer: sessionsAnswer,
    run: ({ store, query, nowMs }) => listSessions(store, query, nowMs),
  }),
  traces: endpoint({
    method: "get",
    path: "/api/v1/traces",
    summary: "Newest traces with their totals",
    parameters: listShape,
    answer: answers.tracesAnswer,
    run: ({ store, query, nowMs }) => listTraces(store, query, nowMs),
  }),
  trace: endpoint({
    method: "get",
    path: "/api/v1/traces/{traceId}",
    summary: "All spans of a trace, in tree order",
    parameters: withContent,
    answer: answers.traceAnswer,
    run: ({ store, path, query }) => {
      const { content } = readParameters(withContent(), query);
      return readTrace(store, readId("traceId", path["traceId"] ?? "", 16), { content });
    },
  }),
  span: endpoint({
    method: "get",
    path: "/api/v1/traces/{traceId}/spans/{spanId}",
    summary: "One span with its content and evaluations",
    parameters: nothing,
    answer: answers.spanAnswer,
    run: ({ store, path, query }) => {
      readParameters({}, query);
      const traceId = readId("traceId", path["traceId"] ?? "", 16);
      return readSpan(store, traceId, readId("spanId", path["spanId"] ?? "", 8));
    },
  }),
  spans: endpoint({
    method: "get",
    path: "/api/v1/spans",
    summary: "Newest spans",
    parameters: spansShape,
    answer: answers.spansAnswer,
    run: ({ store, query, nowMs }) => listSpans(store, query, nowMs),
  }),
  liveSpans: streamEndpoint({
    method: "get",
    path: "/api/v1/spans/live",
    summary: "Spans as they are stored, as server-sent events",
    parameters: liveShape,
    media: {
      "text/event-stream":
        "Events `span` (a span in JSON) and `skipped` (how many there was no time for)",
    },
    stream: followSpans,
  }),
  exportSpans: streamEndpoint({
    method: "get",
    path: "/api/v1/export",
    summary: "Spans of a range as CSV, JSON Lines, OTLP JSON or Parquet",
    parameters: exportShape,
    media: EXPORT_MEDIA,
    stream: exportSpans,
  }),
  search: endpoint({
    method: "get",
    path: "/api/v1/search",
    summary: "Spans by the words in their content",
    parameters: searchShape,
    answer: searchAnswer,
    run: ({ store, query, nowMs }) => searchContent(store, query, nowMs),
  }),
  quality: endpoint({
    method: "get",
    path: "/api/v1/quality",
    summary: "Means of judged scores with their intervals",
    parameters: qualityShape,
    answer: answers.qualityAnswer,
    run: ({ store, query, nowMs }) => readQuality(store, query, nowMs),
  }),
  evaluations: endpoint({
    method: "get",
    path: "/api/v1/evaluations",
    summary: "Single scores with their judges' reasons",
    parameters: evaluationsShape,
    answer: answers.evaluationsAnswer,
    run: ({ store, query, nowMs }) => listEvaluations(store, query, nowMs),
  }),
  experiments: endpoint({
    method: "get",
    path: "/api/v1/experiments",
    summary: "Runs of experiments, and two of them compared",
    parameters: experimentsShape,
    answer: experimentsAnswer,
    run: (call) => getExperiments(call),
  }),
  nextLabel: endpoint({
    method: "get",
    path: "/api/v1/labels/next",
    summary: "The next record for a reviewer, drawn with a known probability",
    parameters: nextLabelShape,
    answer: nextLabelAnswer,
    run: (call) => nextLabel(call),
  }),
  label: endpoint({
    method: "post",
    path: "/api/v1/labels",
    summary: "What a person says of a record",
    parameters: labelShape,
    answer: labelAnswer,
    run: (call) => postLabel(call),
  }),
  checks: endpoint({
    method: "get",
    path: "/api/v1/checks",
    summary: "What the checks found, what fires first",
    parameters: checksShape,
    answer: checksAnswer,
    run: ({ store, query, nowMs }) => readChecks(store, query, nowMs),
  }),
  incidents: endpoint({
    method: "get",
    path: "/api/v1/incidents",
    summary: "What people were told of, open ones first",
    parameters: incidentsShape,
    answer: incidentsAnswer,
    run: ({ store, query, nowMs }) => listIncidents(store, query, nowMs),
  }),
  acknowledge: endpoint({
    method: "post",
    path: "/api/v1/incidents/acknowledge",
    summary: "Somebody looks at an incident: it is told no more unless it gets worse",
    parameters: acknowledgeShape,
    answer: acknowledgeAnswer,
    run: (call) => acknowledge(call),
  }),
  judges: endpoint({
    method: "get",
    path: "/api/v1/judges",
    summary: "The judges, and two of them compared",
    parameters: judgesShape,
    answer: answers.judgesAnswer,
    run: ({ store, query, nowMs }) => readJudges(store, query, nowMs),
  }),
  judgeWhy: endpoint({
    method: "get",
    path: "/api/v1/judges/why",
    summary: "Why a trace was judged, or was not",
    parameters: whyShape,
    answer: whyAnswer,
    run: ({ store, query, nowMs }) => readWhy(store, query, nowMs),
  }),
  determinism: endpoint({
    method: "get",
    path: "/api/v1/determinism",
    summary: "Does the same request get the same answer?",
    parameters: determinismShape,
    answer: answers.determinismAnswer,
    run: ({ store, query, nowMs }) => readDeterminism(store, query, nowMs),
  }),
};
