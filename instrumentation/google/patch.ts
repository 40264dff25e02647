/**
 * Which methods of `@google/genai` are traced: those that send one request each. What calls them (chats, automatic
 * function calling, continuation) is covered by that, request by request.
 */
import { serverOfClient } from "../client-address.ts";
import type { Dialect } from "../dialect.ts";
import { patchClasses, type TracedMethod, type Tracer } from "../patch-method.ts";
import type { Sdk } from "../sdk-copies.ts";
import { tracePromise } from "../trace-promise.ts";
import { fields, isFields, memberOf, text } from "../untyped.ts";
import { embedContent } from "./embed-content.ts";
import { generateContent, streamGenerateContent } from "./generate-content.ts";
import { bodyOfParameters } from "./request.ts";

export const GOOGLE_METHODS: readonly TracedMethod[] = [
  traced("generateContentInternal", generateContent),
  traced("generateContentStreamInternal", streamGenerateContent),
  traced("embedContentInternal", embedContent),
];

export const google: Sdk = {
  package: "@google/genai",
  broughtBy: ["@langchain/google", "@llamaindex/google"],
  essential: ["models.generateContentInternal"],
  patch: (exports) => patchClasses(exports, GOOGLE_METHODS),
};

function traced(name: string, dialect: Dialect): TracedMethod {
  return { name, resource: ["models"], classes: ["Models"], trace: traceRequest(dialect) };
}

function traceRequest(dialect: Dialect): Tracer {
  return tracePromise(dialect, (self, [parameters]) => {
    if (!isFields(parameters)) return undefined;
    const client = memberOf(self, "apiClient");
    const options = fields(memberOf(client, "clientOptions"));
    const provider = options?.["vertexai"] === true ? "gcp.vertex_ai" : "gcp.gemini";
    const baseUrl = text(fields(options?.["httpOptions"])?.["baseUrl"]);
    return {
      body: bodyOfParameters(parameters),
      server: serverOfClient(client, provider, baseUrl),
    };
  });
}
