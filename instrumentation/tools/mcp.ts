/**
 * `@modelcontextprotocol/sdk`: what a client asks of its server, by the conventions of MCP. A tool that the service
 * traces itself under the same name is one execution and one span: it learns that it was carried out by a server.
 */
import { SpanKind, type Attributes } from "@opentelemetry/api";
import { ATTR } from "../conventions.ts";
import { enclosingOperation } from "../operation-span.ts";
import { patchClasses, type Tracer, type TracedMethod } from "../patch-method.ts";
import { serverOf } from "../providers.ts";
import type { Sdk } from "../sdk-copies.ts";
import type { Tracing } from "../tracing.ts";
import { memberOf, text } from "../untyped.ts";
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
  const trace: Tracer = (original, self, args) =>
    traceCall(
      (tracing) => {
        const description = describe(args[0]);
        Object.assign(description.attributes, serverAttributes(self));
        return isOneWith(tracing, description) ? undefined : description;
      },
      () => Reflect.apply(original, self, args) as unknown,
    );
  return { name, classes: ["Client"], resource: [], trace };
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
