/**
 * What the service says about the calls it is about to make: whose they are, which prompt they use. Kept in an
 * AsyncLocalStorage, so it follows awaits and never leaks into another request.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Attributes } from "@opentelemetry/api";
import { ATTR } from "./conventions.ts";
import type { ContentMode } from "./settings.ts";

export interface LlmContext {
  /** Costs and quality are reported by project. @default ASSAY_PROJECT, else the service's namespace or name */
  project?: string;
  /** A conversation: what the user sees as one. */
  session?: string;
  user?: string;
  /** Name of the prompt template. */
  promptId?: string;
  promptVersion?: string;
  /** What a right answer says, where it is known: a judge compares with it. Captured as the messages are. */
  reference?: string;
  /** What of the messages may leave the service for these calls. @default ASSAY_CONTENT */
  content?: ContentMode;
}

const current = new AsyncLocalStorage<LlmContext>();

/**
 * Runs `fn` with the context; calls inside it carry the values. An inner context adds to the outer one.
 * @example await withContext({ session: chat.id, user: user.id }, () => answer(question))
 */
export function withContext<T>(context: LlmContext, fn: () => T): T {
  return current.run({ ...current.getStore(), ...context }, fn);
}

export function currentContext(): LlmContext | undefined {
  return current.getStore();
}

export function contextAttributes(
  attributes: Attributes,
  context: LlmContext | undefined,
  defaultProject: string | undefined,
): void {
  const project = context?.project ?? defaultProject;
  if (project !== undefined) attributes[ATTR.assayProject] = project;
  if (!context) return;
  if (context.session !== undefined) {
    attributes[ATTR.conversationId] = context.session;
    attributes[ATTR.sessionId] = context.session;
  }
  if (context.user !== undefined) attributes[ATTR.userId] = context.user;
  if (context.promptId !== undefined) attributes[ATTR.promptName] = context.promptId;
  if (context.promptVersion !== undefined) attributes[ATTR.promptVersion] = context.promptVersion;
}
