/**
 * Which log records are kept: the events of the GenAI conventions that say something about a span.
 *
 * Whoever sends, checks and encodes a record goes by this table. An ordinary line of an application's log is in none of
 * its rows: this is no store for those.
 */

/** What a record becomes: a span's whole content, one message of it, or an evaluation. */
export type LogEventKind = "content" | "message" | "evaluation";

export const EVALUATION_NAME = "gen_ai.evaluation.name";
/** Where a record's event name stood before it had a field of its own. */
export const EVENT_NAME_KEY = "event.name";

export const LOG_EVENTS: ReadonlyMap<string, LogEventKind> = new Map<string, LogEventKind>([
  ["gen_ai.client.inference.operation.details", "content"],
  // Up to version 1.36 of the conventions: an event per message.
  ["gen_ai.system.message", "message"],
  ["gen_ai.user.message", "message"],
  ["gen_ai.assistant.message", "message"],
  ["gen_ai.tool.message", "message"],
  ["gen_ai.choice", "message"],
  ["gen_ai.content.prompt", "message"],
  ["gen_ai.content.completion", "message"],
  ["gen_ai.evaluation.result", "evaluation"],
]);
