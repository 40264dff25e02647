/**
 * LangChain.js: its base classes, so that every model, retriever, vector store and tool that is built on them is covered.
 * Wrapping the methods, where callbacks would only be told of them, makes what happens inside their children.
 *
 * A chain is a span where it is the outermost: the chains of which it is made are how it is written.
 */
import { SpanKind } from "@opentelemetry/api";
import { ATTR } from "../conventions.ts";
import { enclosingOperation } from "../operation-span.ts";
import { patchClasses, type TracedMethod, type Tracer } from "../patch-method.ts";
import type { RetrievalRequest } from "../retrievers/retrieval.ts";
import { searchMethod } from "../retrievers/search-method.ts";
import type { Sdk } from "../sdk-copies.ts";
import { toolContent } from "../tools/tool-content.ts";
import { traceCall, type CallDescription } from "../tools/traced-call.ts";
import { count, fields, memberOf, text } from "../untyped.ts";
import { traceGenerate, traceStream } from "./langchain-model.ts";

const CHAT_METHODS: readonly TracedMethod[] = [
  method("generate", "BaseChatModel", traceGenerate),
  method("_streamIterator", "BaseChatModel", traceStream),
];

const TEXT_METHODS: readonly TracedMethod[] = [
  method("generate", "BaseLLM", traceGenerate),
  method("_streamIterator", "BaseLLM", traceStream),
];

const CHAIN_METHODS: readonly TracedMethod[] = ["invoke", "_streamIterator"].map((name) =>
  method(name, "RunnableSequence", traceChain),
);

const TOOL_METHODS: readonly TracedMethod[] = [method("invoke", "StructuredTool", traceTool)];

const RETRIEVER_METHODS: readonly TracedMethod[] = [
  searchMethod(
    "invoke",
    (self, [query]) => ({
      ...storeOf(memberOf(self, "vectorStore") ?? self),
      query: text(query),
      topK: count(memberOf(self, "k")),
    }),
    ["BaseRetriever"],
  ),
];

const STORE_METHODS: readonly TracedMethod[] = [
  searchOfStore("similaritySearch"),
  searchOfStore("similaritySearchWithScore"),
];

function method(name: string, className: string, trace: Tracer): TracedMethod {
  return { name, classes: [className], resource: [], trace };
}

function searchOfStore(name: string): TracedMethod {
  return searchMethod(
    name,
    (self, [query, k]) => ({ ...storeOf(self), query: text(query), topK: count(k) ?? 4 }),
    ["VectorStore"],
  );
}

/** A vector store says what it is; a retriever of one's own has its class. */
function storeOf(self: unknown): Pick<RetrievalRequest, "source" | "provider"> {
  const typeOf = memberOf(self, "_vectorstoreType");
  const type = typeof typeOf === "function" ? text(Reflect.apply(typeOf, self, [])) : undefined;
  return { source: type ?? nameOf(self), provider: type };
}

function nameOf(self: unknown): string {
  return (
    text(memberOf(self, "name")) ?? text(memberOf(memberOf(self, "constructor"), "name")) ?? ""
  );
}

function traceTool(
  original: (this: unknown, ...args: unknown[]) => unknown,
  self: unknown,
  args: unknown[],
): unknown {
  return traceCall(
    () => describeTool(self, args[0]),
    () => Reflect.apply(original, self, args) as unknown,
  );
}

/** Given what a model asked for, or its arguments alone. */
function describeTool(self: unknown, input: unknown): CallDescription {
  const call = fields(input);
  const isCall = call?.["type"] === "tool_call";
  const name = nameOf(self);
  const id = isCall ? text(call["id"]) : undefined;
  const description = text(memberOf(self, "description"));
  return {
    spanName: `execute_tool ${name}`,
    kind: SpanKind.INTERNAL,
    operation: "execute_tool",
    subject: name,
    attributes: {
      [ATTR.toolName]: name,
      [ATTR.toolType]: "function",
      ...(description ? { [ATTR.toolDescription]: description } : {}),
      ...(id === undefined ? {} : { [ATTR.toolCallId]: id }),
    },
    // A call is answered with a message, whose content is the result.
    write: toolContent(
      isCall ? call["args"] : input,
      (result) => memberOf(result, "content") ?? result,
    ),
  };
}

function traceChain(
  original: (this: unknown, ...args: unknown[]) => unknown,
  self: unknown,
  args: unknown[],
): unknown {
  return traceCall(
    (tracing) => {
      if (enclosingOperation(tracing)?.operation === "invoke_workflow") return undefined;
      const name = nameOf(self);
      return {
        spanName: `invoke_workflow ${name}`,
        kind: SpanKind.INTERNAL,
        operation: "invoke_workflow",
        subject: name,
        attributes: { [ATTR.workflowName]: name },
        write: () => undefined,
      };
    },
    () => Reflect.apply(original, self, args) as unknown,
  );
}

function entry(name: string, methods: readonly TracedMethod[]): Sdk {
  return {
    package: `@langchain/core/${name}`,
    patch: (exports) => patchClasses(exports, methods),
  };
}

export const LANGCHAIN: readonly Sdk[] = [
  entry("language_models/chat_models", CHAT_METHODS),
  entry("language_models/llms", TEXT_METHODS),
  entry("retrievers", RETRIEVER_METHODS),
  entry("vectorstores", STORE_METHODS),
  entry("tools", TOOL_METHODS),
  entry("runnables", CHAIN_METHODS),
];
