/**
 * What one method of a provider's SDK sends and gets, in terms of the conventions. Adding a method is adding an object
 * of this type (see openai/) and a row in the provider's patch.ts.
 *
 * `request`, `content`, `reply` and `stream` run within the call and only pick values; everything that walks text runs
 * later, from `input` and `output`.
 */
import type { Attributes } from "@opentelemetry/api";
import type { ContentWriter } from "./content-writer.ts";
import type { Usage } from "./pricing.ts";
import type { Fields } from "./untyped.ts";

export interface Dialect {
  /** gen_ai.operation.name */
  readonly operation: string;
  /** gen_ai.request.model. @default the body's `model` */
  model?(body: Fields): string | undefined;
  request(body: Fields): Attributes;
  content(body: Fields): RequestContent;
  reply(result: Fields): Reply;
  stream(): StreamReader;
  /** The input as the conventions' messages. */
  input(content: RequestContent, writer: ContentWriter): WrittenInput;
  /** The output as the conventions' messages. */
  output(reply: Reply, writer: ContentWriter): unknown[];
}

/** References to what was sent. Arrays are copied: callers append to them for their next call. */
export interface RequestContent {
  system: unknown;
  messages: unknown;
  tools: readonly unknown[];
  /** Characters, roughly. */
  size: number;
}

interface WrittenInput {
  system?: unknown[];
  messages: unknown[];
}

export interface Reply {
  id?: string | undefined;
  model?: string | undefined;
  /** One per choice, as the provider names them; `error` where one was due and did not come. */
  finishReasons: readonly string[];
  usage?: Usage | undefined;
  serviceTier?: string | undefined;
  systemFingerprint?: string | undefined;
  dimensions?: number | undefined;
  /** Choices or output items in the provider's form. */
  output: readonly unknown[];
  outputSize: number;
  /** The answer says of itself that the call failed. */
  failure?: string | undefined;
}

export interface StreamReader {
  /** Takes one event; true when it carried output. */
  read(event: unknown): boolean;
  /** Nothing comes after what was read: some clients read no further, so that the end of the body is never seen. */
  readonly complete?: boolean;
  /** What was received so far. */
  reply(): Reply;
}
