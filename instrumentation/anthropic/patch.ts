/**
 * Which methods of `@anthropic-ai/sdk` are traced; its packages for Bedrock and Vertex make their clients of the same
 * classes. Counting tokens and batches are not calls of a model.
 */
import { patchClasses, type TracedMethod } from "../patch-method.ts";
import type { Sdk } from "../sdk-copies.ts";
import { traceApiPromise } from "../trace-api-promise.ts";
import { memberOf } from "../untyped.ts";
import { messages } from "./messages.ts";

const trace = traceApiPromise(messages, "anthropic");

export const ANTHROPIC_METHODS: readonly TracedMethod[] = [
  { name: "create", resource: ["messages"], classes: ["Messages"], trace },
  { name: "create", resource: ["beta", "messages"], classes: ["Beta", "Messages"], trace },
];

export const anthropic: Sdk = {
  package: "@anthropic-ai/sdk",
  broughtBy: ["@langchain/anthropic", "@llamaindex/anthropic"],
  essential: ["messages.create"],
  patch(exports) {
    const found = memberOf(exports, "Anthropic") ?? memberOf(exports, "default") ?? exports;
    return patchClasses(found, ANTHROPIC_METHODS);
  },
};
