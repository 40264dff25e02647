/** Which methods of the `openai` package are traced; AzureOpenAI and helpers such as parse, stream and runTools call them. */
import type { Dialect } from "../dialect.ts";
import { patchClasses, type TracedMethod } from "../patch-method.ts";
import type { Sdk } from "../sdk-copies.ts";
import { traceApiPromise } from "../trace-api-promise.ts";
import { memberOf } from "../untyped.ts";
import { chat } from "./chat.ts";
import { completions } from "./completions.ts";
import { embeddings } from "./embeddings.ts";
import { responses } from "./responses.ts";

function create(resource: string[], classes: string[], dialect: Dialect): TracedMethod {
  return { name: "create", resource, classes, trace: traceApiPromise(dialect, "openai") };
}

export const OPENAI_METHODS: readonly TracedMethod[] = [
  create(["chat", "completions"], ["Chat", "Completions"], chat),
  create(["completions"], ["Completions"], completions),
  create(["responses"], ["Responses"], responses),
  create(["embeddings"], ["Embeddings"], embeddings),
];

export const openai: Sdk = {
  package: "openai",
  patch(exports) {
    const found = memberOf(exports, "OpenAI") ?? memberOf(exports, "default") ?? exports;
    return patchClasses(found, OPENAI_METHODS);
  },
};
