/**
 * Why a model stopped, in the words of the conventions (`finish_reason` of gen_ai.output.messages), whatever the provider
 * or a dialect calls it: one call through two instrumentations, or two providers, gives one word.
 */
export const FINISH_REASONS: Readonly<Record<string, string>> = {
  "tool-calls": "tool_call",
  tool_calls: "tool_call",
  tool_use: "tool_call",
  TOOL_CALL: "tool_call",
  function_call: "tool_call",
  completed: "stop",
  COMPLETE: "stop",
  end_turn: "stop",
  eos: "stop",
  STOP: "stop",
  stop_sequence: "stop",
  STOP_SEQUENCE: "stop",
  max_tokens: "length",
  max_output_tokens: "length",
  MAX_TOKENS: "length",
  "content-filter": "content_filter",
  refusal: "content_filter",
  SAFETY: "content_filter",
};

/** An unknown word stays as it is. */
export function finishReason(reason: string): string {
  return FINISH_REASONS[reason] ?? reason;
}
