/**
 * `@modelcontextprotocol/sdk`: what a client asks of its server, by the conventions of MCP. A tool that the service
 * traces itself under the same name is one execution and one span: it learns that it was carried out by a server.
 */
import { isSpanContextValid, SpanKind, trace, type Attributes } from "@opentelemetry/api";
import { ATTR } from "../conventions.ts";
import { guarded } from "../health.ts";
import { enclosingOperation } from "../operation-span.ts";
import { patchClasses, type Tracer, type TracedMethod } from "../patch-method.ts";
import { serverOf } from "../providers.ts";
import type { Sdk } from "../sdk-copies.ts";
import { runtime } from "../runtime.ts";
import { formatTraceparent } from "../trace-context.ts";
import { currentTracing, type Tracing } from "../tracing.ts";
import { fields, isFields, memberOf, text } from "../untyped.ts";
import { toolContent } from "./tool-content.ts";
import { traceCall, type CallDescription } from "./traced-call.ts";

const MCP_METHODS: readonly TracedMethod[] = [
  request("callTool", describeTool),
  request("readResource", describeResource),
  request("getPrompt", describePrompt),
];

export const mcp: Sdk = {
  package: "@modelcontextprotocol/sdk/client",
  patch: (exports) => patchClasses(exports, MCP_METHODS),
};

function request(name: string, describe: (params: unknown) => CallDescription): TracedMethod {
  const traceRequest: Tracer = (original, self, args) =>
    traceCall(
      (tracing) => {
        const description = describe(args[0]);
        Object.assign(description.attributes, serverAttributes(self));
        return isOneWith(tracing, description) ? undefined : description;
      },
      () => Reflect.apply(original, self, withTraceContext(args)) as unknown,
    );
  return { name, classes: ["Client"], resource: [], trace: traceRequest };
}

/** Over stdio there are no headers: the conventions put the trace context into the request's `_meta`. */
function withTraceContext(args: unknown[]): unknown[] {
  return guarded("adding trace context", () => addTraceContext(args)) ?? args;
}

function addTraceContext(args: unknown[]): unknown[] {
  const params = args[0];
  const tracing = runtime.settings.propagation === "off" ? undefined : currentTracing();
  const span = tracing && trace.getSpanContext(tracing.active());
  if (!span || !isSpanContextValid(span) || !isFields(params)) return args;
  const meta = fields(params["_meta"]);
  if (meta?.["traceparent"] !== undefined) return args;
  const state = span.traceState?.serialize();
  const added = { traceparent: formatTraceparent(span), ...(state ? { tracestate: state } : {}) };
  return args.with(0, { ...params, _meta: { ...meta, ...added } });
}

function isOneWith(tracing: Tracing, description: CallDescription): boolean {
  const outer = enclosingOperation(tracing);
  if (!outer || outer.operation !== description.operation) return false;
  if (outer.operation === undefined || outer.subject !== description.subject) return false;
  outer.describe(description.attributes);
  return true;
}

function describeTool(params: unknown): CallDescription {
  const name = text(memberOf(params, "name")) ?? "";
  return {
    spanName: `tools/call ${name}`.trim(),
    kind: SpanKind.CLIENT,
    operation: "execute_tool",
    subject: name,
    attributes: { [ATTR.mcpMethodName]: "tools/call", [ATTR.toolName]: name },
    write: toolContent(
      memberOf(params, "arguments"),
      (result) => memberOf(result, "structuredContent") ?? memberOf(result, "content"),
    ),
    failure: (result) => (memberOf(result, "isError") === true ? "tool_error" : undefined),
    errorType,
  };
}

function describeResource(params: unknown): CallDescription {
  const uri = text(memberOf(params, "uri")) ?? "";
  return {
    spanName: "resources/read",
    kind: SpanKind.CLIENT,
    subject: uri,
    attributes: { [ATTR.mcpMethodName]: "resources/read" },
    write: (attributes, writer) => {
      attributes[ATTR.mcpResourceUri] = writer.text(uri);
    },
    errorType,
  };
}

function describePrompt(params: unknown): CallDescription {
  const name = text(memberOf(params, "name")) ?? "";
  return {
    spanName: `prompts/get ${name}`.trim(),
    kind: SpanKind.CLIENT,
    subject: name,
    attributes: { [ATTR.mcpMethodName]: "prompts/get", [ATTR.promptName]: name },
    write: () => undefined,
    errorType,
  };
}

/** The code of JSON-RPC, where the server or the SDK gave one. */
function errorType(error: unknown): string | undefined {
  const code = error instanceof DOMException ? undefined : memberOf(error, "code");
  return typeof code === "number" ? String(code) : undefined;
}

function serverAttributes(client: unknown): Attributes {
  const attributes: Attributes = {};
  const transport = memberOf(client, "transport");
  const session = text(memberOf(transport, "sessionId"));
  if (session) attributes[ATTR.mcpSessionId] = session;
  const url = memberOf(transport, "_url");
  if (!(url instanceof URL)) return attributes;
  const { address, port } = serverOf(url.href, "");
  attributes[ATTR.serverAddress] = address;
  if (port !== undefined) attributes[ATTR.serverPort] = port;
  return attributes;
}
