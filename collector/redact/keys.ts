/** What becomes of an attribute because of its key, before anybody looks at its value. */
import { ATTR } from "@assay/instrumentation/conventions";

/** `search`: its text is redacted. `keep`: it is not looked at. `hash`: its whole value becomes a token. */
export type KeyAction = "search" | "keep" | "remove" | "hash";

export interface KeyRules {
  /** Fail closed: with this list, keys that are neither on it nor metadata of the conventions are removed. */
  allow: readonly string[] | undefined;
  block: readonly string[];
  hash: readonly string[];
  ignore: readonly string[];
  /** Whether prompts, answers, tool calls and retrieved documents may be stored at all. */
  content: "keep" | "drop";
}

/** Prompts and answers by the names that instrumentations give them; a `*` stands for anything. */
const CONTENT_KEYS: readonly string[] = [
  ATTR.systemInstructions,
  ATTR.inputMessages,
  ATTR.outputMessages,
  ATTR.toolDefinitions,
  ATTR.toolCallArguments,
  ATTR.toolCallResult,
  ATTR.retrievalQuery,
  ATTR.retrievalDocuments,
  ATTR.assayReference,
  ..."gen_ai.prompt gen_ai.prompt.0* gen_ai.prompt.1* gen_ai.prompt.2* gen_ai.prompt.3* gen_ai.prompt.4*".split(
    " ",
  ),
  ..."gen_ai.prompt.5* gen_ai.prompt.6* gen_ai.prompt.7* gen_ai.prompt.8* gen_ai.prompt.9*".split(
    " ",
  ),
  ..."gen_ai.completion gen_ai.completion.* gen_ai.event.content gen_ai.evaluation.explanation".split(
    " ",
  ),
  ..."gen_ai.tool.input gen_ai.tool.output gen_ai.tool.args gen_ai.request.messages".split(" "),
  ..."gen_ai.request.available_tools gen_ai.response.text gen_ai.response.tool_calls".split(" "),
  ..."llm.input_messages* llm.output_messages* llm.prompts* llm.choices* llm.completions* llm.tools*".split(
    " ",
  ),
  ..."llm.function_call llm.invocation_parameters llm.prompt_template.* llm.request.functions*".split(
    " ",
  ),
  ..."input.value output.value retrieval.documents* reranker.query reranker.input_documents*".split(
    " ",
  ),
  ..."reranker.output_documents* embedding.embeddings* tool.parameters document.content message.content*".split(
    " ",
  ),
  ..."traceloop.entity.input traceloop.entity.output traceloop.prompt.template*".split(" "),
  ..."ai.prompt* ai.response.text ai.response.object ai.response.toolCalls ai.response.reasoning".split(
    " ",
  ),
  ..."ai.response.files ai.result.text ai.result.object ai.result.toolCalls ai.toolCall.args".split(
    " ",
  ),
  ..."ai.toolCall.result ai.value ai.values ai.embedding ai.embeddings ai.documents ai.ranking".split(
    " ",
  ),
  ..."langfuse.observation.input langfuse.observation.output langfuse.trace.input langfuse.trace.output".split(
    " ",
  ),
  ..."mlflow.spanInputs mlflow.spanOutputs mlflow.chat.messages mlflow.chat.tools".split(" "),
  ..."pydantic_ai.all_messages all_messages_events events final_result request_data response_data".split(
    " ",
  ),
  ..."tool_arguments tool_response prompt inputs outputs input output raw_input".split(" "),
  ..."lmnr.span.input lmnr.span.output langwatch.input langwatch.output langwatch.rag.contexts".split(
    " ",
  ),
  ..."db.query.result.document db.query.result.metadata db.query.embeddings* db.vector.query.result.*".split(
    " ",
  ),
  ..."ai.result.reasoning ai.telemetry.metadata.langfusePrompt embedding.text embedding.vector rerank_documents".split(
    " ",
  ),
  ..."db.query.text gen_ai.retrieval.query model_request_parameters function_tools".split(" "),
  // What went wrong is often told with the prompt in it; `error.type` stays.
  ..."exception.message exception.stacktrace".split(" "),
];

/** Names of the conventions that say what a call was, not what was said or by whom. */
const METADATA_KEYS: ReadonlySet<string> = new Set([
  ...Object.values(ATTR).filter(
    (key) =>
      !CONTENT_KEYS.includes(key) &&
      ![ATTR.userId, ATTR.sessionId, ATTR.conversationId, ATTR.toolDescription].includes(
        key as never,
      ),
  ),
  // Of log events: what they are, and the score that an evaluation is about.
  ..."event.name gen_ai.evaluation.name gen_ai.evaluation.score.value gen_ai.evaluation.score.label gen_ai.evaluator.name".split(
    " ",
  ),
]);

export function isMetadata(key: string): boolean {
  return METADATA_KEYS.has(key);
}

/** Most keys remembered; a sender that makes up new ones only makes this slower. */
const MOST_KEYS = 10_000;

/** @returns undefined when every key is searched */
export function createKeyActions(rules: KeyRules): ((key: string) => KeyAction) | undefined {
  const removed = matcher([...rules.block, ...(rules.content === "drop" ? CONTENT_KEYS : [])]);
  const hashed = matcher(rules.hash);
  const ignored = matcher(rules.ignore);
  const allowed = rules.allow === undefined ? undefined : matcher(rules.allow);
  const none = [rules.block, rules.hash, rules.ignore].every((list) => list.length === 0);
  if (none && rules.content === "keep" && allowed === undefined) return undefined;
  const known = new Map<string, KeyAction>();

  function decide(key: string): KeyAction {
    if (removed(key)) return "remove";
    if (hashed(key)) return "hash";
    if (allowed !== undefined && !allowed(key) && !isMetadata(key)) return "remove";
    return ignored(key) ? "keep" : "search";
  }

  return (key) => {
    let action = known.get(key);
    if (action === undefined) {
      action = decide(key);
      if (known.size >= MOST_KEYS) known.clear();
      known.set(key, action);
    }
    return action;
  };
}

function matcher(patterns: readonly string[]): (key: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes("*")));
  const globs = patterns.filter((pattern) => pattern.includes("*")).map((glob) => glob.split("*"));
  return (key) => exact.has(key) || globs.some((parts) => matchesGlob(parts, key));
}

/** The pieces in their order, the first at the beginning and the last at the end. No backtracking. */
function matchesGlob(parts: readonly string[], key: string): boolean {
  const last = parts.at(-1)!;
  let at = parts[0]!.length;
  if (!key.startsWith(parts[0]!) || !key.endsWith(last) || key.length < at + last.length)
    return false;
  for (const part of parts.slice(1, -1)) {
    const found = key.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= key.length - last.length;
}
