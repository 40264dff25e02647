/** Which methods of the `openai` package are traced; AzureOpenAI and helpers such as parse, stream and runTools call them. */
import type { Dialect } from "../dialect.ts";
import { patchClasses, type TracedMethod } from "../patch-method.ts";
import type { Sdk } from "../sdk-copies.ts";
import { traceApiPromise } from "../trace-api-promise.ts";
import { memberOf } from "../untyped.ts";
import { speech, transcription } from "./audio.ts";
import { chat } from "./chat.ts";
import { completions } from "./completions.ts";
import { embeddings } from "./embeddings.ts";
import { images } from "./images.ts";
import { responses } from "./responses.ts";

function traced(
  name: string,
  resource: string[],
  classes: string[],
  dialect: Dialect,
): TracedMethod {
  return { name, resource, classes, trace: traceApiPromise(dialect, "openai") };
}

export const OPENAI_METHODS: readonly TracedMethod[] = [
  traced("create", ["chat", "completions"], ["Chat", "Completions"], chat),
  traced("create", ["completions"], ["Completions"], completions),
  traced("create", ["responses"], ["Responses"], responses),
  traced("create", ["embeddings"], ["Embeddings"], embeddings),
  traced("generate", ["images"], ["Images"], images),
  traced("edit", ["images"], ["Images"], images),
  traced("create", ["audio", "speech"], ["Audio", "Speech"], speech),
  traced("create", ["audio", "transcriptions"], ["Audio", "Transcriptions"], transcription),
  traced("create", ["audio", "translations"], ["Audio", "Translations"], transcription),
];

export const openai: Sdk = {
  package: "openai",
  broughtBy: ["@langchain/openai", "@llamaindex/openai"],
  essential: ["chat.completions.create"],
  patch(exports) {
    const found = memberOf(exports, "OpenAI") ?? memberOf(exports, "default") ?? exports;
    return patchClasses(found, OPENAI_METHODS);
  },
};
