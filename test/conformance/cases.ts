/**
 * What an OTLP receiver must do, case by case: H is HTTP, G is gRPC, P is what the payload means, L is logs. The tests beside this
 * table carry the names of the cases; docs/conformance.md is made from it (`npm run docs:conformance`).
 */

export interface Case {
  /** MUST or SHOULD in the specification, or a decision of ours where it leaves room or we are stricter. */
  rule: "must" | "should" | "own";
  demand: string;
  /** Where the OpenTelemetry Collector does less. */
  collector?: string;
  /** What of it we do not do. */
  missing?: string;
}

export const CASES: Readonly<Record<string, Case>> = {
  H01: {
    rule: "must",
    demand: "Protobuf is answered 200 in protobuf; nothing to say is an empty body",
  },
  H02: { rule: "must", demand: "JSON is answered 200 in JSON; nothing to say is `{}`" },
  H03: { rule: "own", demand: "Content-Type with parameters, in any case" },
  H04: { rule: "own", demand: "`application/protobuf` means `application/x-protobuf`" },
  H05: {
    rule: "must",
    demand: "Another or no Content-Type: 415 with a Status",
    collector: "answers 415 in text/plain",
  },
  H06: {
    rule: "must",
    demand: "Another method: 405 with Allow and a Status; HEAD without a body",
    collector: "answers 405 in text/plain",
  },
  H07: { rule: "must", demand: "gzip and zstd bodies; any other or double encoding: 415" },
  H08: {
    rule: "must",
    demand:
      "A body beyond the limit: 413, by its announced length before it is read, in chunks when it crosses",
    collector: "answers 400; its default limit is 20 MiB",
  },
  H09: {
    rule: "must",
    demand: "A body that inflates beyond the limit: 413 within the limit's memory and a second",
  },
  H10: {
    rule: "own",
    demand: "Compressed bodies of several members count together; garbage behind them: 400",
  },
  H11: { rule: "must", demand: "Corrupt compression: 400 with a Status that says BadRequest" },
  H12: { rule: "must", demand: "A malformed body: 400, nothing stored, counted" },
  H13: { rule: "should", demand: "An empty request is a success and stores nothing" },
  H14: {
    rule: "must",
    demand: "Spans refused alone: 200 with their number and reasons; the others are stored",
  },
  H15: { rule: "must", demand: "Accepted with a warning: number 0 and a message" },
  H16: {
    rule: "must",
    demand: "The message of a partial success stays small, however many reasons there are",
  },
  H17: { rule: "must", demand: "Overload: 503 with a Status and Retry-After of 1 to 3 seconds" },
  H18: {
    rule: "must",
    demand:
      "What passes is never answered with a final status, an error of ours never as retryable",
  },
  H19: { rule: "should", demand: "Protobuf and JSON on one port" },
  H20: {
    rule: "own",
    demand:
      "Keep-alive, pipelining, HTTP/1.0, Expect: 100-continue, any case of header names, absolute URIs; a trailing slash is 404",
  },
  H21: { rule: "own", demand: "A client that goes away in the middle of its body leaves nothing" },
  H22: {
    rule: "own",
    demand: "A client that goes away before the answer: stored; the same body again is stored once",
  },
  H23: { rule: "own", demand: "Answers are not compressed, whatever the client accepts" },
  H24: {
    rule: "must",
    demand: "CORS is off; origins that were named get it, for themselves and never for `*`",
  },
  H25: { rule: "own", demand: "Authentication: 401, 403", missing: "there are no access keys yet" },
  H26: {
    rule: "own",
    demand: "The path can be set; signals that are not taken are 404, never a false 200",
  },

  G01: {
    rule: "must",
    demand: "Export, plain and gzip, is answered with an empty response and status 0",
  },
  G02: {
    rule: "must",
    demand:
      "A message beyond the limit, before or after inflating: RESOURCE_EXHAUSTED without RetryInfo",
    collector: "its default limit is 4 MiB",
  },
  G03: { rule: "must", demand: "Overload: UNAVAILABLE with RetryInfo of 1 to 3 seconds" },
  G04: { rule: "must", demand: "A malformed message: INVALID_ARGUMENT with BadRequest" },
  G05: { rule: "own", demand: "A corrupt gzip message: INVALID_ARGUMENT, and the process lives" },
  G06: { rule: "own", demand: "An unknown method, and metrics: UNIMPLEMENTED in trailers alone" },
  G07: {
    rule: "own",
    demand:
      "Another encoding: UNIMPLEMENTED that names ours; compressed without an encoding: INVALID_ARGUMENT",
  },
  G08: { rule: "own", demand: "A compressed message of no bytes is an empty request" },
  G09: {
    rule: "own",
    demand: "Two messages: INVALID_ARGUMENT; one in frames of one byte is taken",
  },
  G10: {
    rule: "own",
    demand: "Past its deadline: DEADLINE_EXCEEDED; what was stored stays stored",
  },
  G11: {
    rule: "own",
    demand:
      "Floods (rapid reset, PING, SETTINGS, CONTINUATION, idle streams) end their session; sessions have an age and are asked whether they live",
  },
  G12: {
    rule: "must",
    demand: "grpc.health.v1.Health Check and Watch: SERVING, NOT_SERVING when stopping",
  },
  G13: {
    rule: "own",
    demand: "Authentication: UNAUTHENTICATED",
    missing: "there are no access keys yet",
  },

  P01: {
    rule: "must",
    demand: "Unknown fields and keys are passed over at every level, groups included",
  },
  P02: { rule: "must", demand: "`flags` is field 16, all 32 bits kept" },
  P03: { rule: "must", demand: "JSON: ids are hexadecimal in any case; others refuse their span" },
  P04: { rule: "must", demand: "JSON: 64-bit integers as text or number, every digit kept" },
  P05: {
    rule: "must",
    demand:
      "JSON: enums are integers; known names are taken with a warning, unknown ones refuse their span",
  },
  P06: { rule: "must", demand: "JSON: keys are lowerCamelCase only" },
  P07: { rule: "must", demand: "JSON: bytes are base64, standard or URL-safe, padded or not" },
  P08: { rule: "must", demand: "An attribute without a value keeps its key" },
  P09: { rule: "must", demand: "Mixed arrays, maps and bytes are kept with their types" },
  P10: {
    rule: "own",
    demand:
      "A value nested more than 32 deep is replaced and counted; 100,000 levels overflow nothing",
    collector: "has no visible limit",
  },
  P11: { rule: "must", demand: "String table indexes, which belong to profiles, count as absent" },
  P12: {
    rule: "must",
    demand: "Ids of the wrong length or all zeros refuse their span alone",
    collector: "refuses the whole request for a wrong length and takes zeros",
  },
  P13: {
    rule: "own",
    demand: "A parent id of the wrong length, or the span's own, is stored and marked",
  },
  P14: { rule: "must", demand: "Enum values out of range are kept" },
  P15: { rule: "own", demand: "Of an attribute given twice the last one counts" },
  P16: {
    rule: "must",
    demand: "Dropped counts, trace state, schema URLs and scope attributes are kept",
  },
  P17: {
    rule: "must",
    demand: "Events and links with attributes, counts and flags, thousands of them",
  },
  P18: { rule: "own", demand: "Text that is not UTF-8 is repaired and marked" },
  P19: { rule: "own", demand: "Any key is a key: `__proto__`, empty, NUL, 64 KiB" },
  P20: { rule: "own", demand: "The ends of int64 and of doubles survive" },
  P21: {
    rule: "must",
    demand: "Of a field or oneof given twice the last one counts; messages merge",
  },
  P22: { rule: "own", demand: "A known field of the wrong wire type refuses the request" },
  P23: { rule: "own", demand: "Varints, lengths and tags that cannot be refuse the request" },
  P24: {
    rule: "own",
    demand: "Times that cannot be are filed under the time of receipt and marked",
  },
  P25: {
    rule: "own",
    demand: "One huge span, 100,000 tiny ones, ten million empty attributes: bounded time",
  },
  P26: { rule: "must", demand: "No resource, no scope: empty" },
  P27: {
    rule: "own",
    demand: "The same request again is stored once, and so is the same span in two requests",
  },
  P28: {
    rule: "should",
    demand:
      "`tracestate` is kept as sent; the weight that its sampling threshold means is a column",
  },

  L01: {
    rule: "must",
    demand: "Logs are taken over each transport and encoding, with the answers that traces get",
  },
  L02: {
    rule: "own",
    demand:
      "GenAI events are kept, by `event_name` or the older attribute: messages with their span, results of evaluations in a table",
  },
  L03: {
    rule: "must",
    demand:
      "Log records that are not kept, because they are no GenAI events, are said not to be: a partial success with their number and why; metrics are 404",
    missing: "an application's own log is not kept",
  },
  L04: {
    rule: "must",
    demand: "JSON: ids in any case, 64-bit times with every digit, severities by number or name",
  },
  L05: { rule: "must", demand: "A malformed logs request: 400, INVALID_ARGUMENT, nothing stored" },
  L06: {
    rule: "must",
    demand:
      "Ids that are none mean no trace: an evaluation is kept without, messages are refused alone",
  },
  L07: {
    rule: "must",
    demand: "Overload: 503, UNAVAILABLE; the log records are counted as refused",
  },
  L08: {
    rule: "own",
    demand:
      "The same logs request again is stored once; the same bytes as traces are another request",
  },
  L09: { rule: "own", demand: "What the exporters of OpenTelemetry's JavaScript SDK send is kept" },
};
