/**
 * Vercel's AI SDK, from major 7 on, through its own telemetry hook: a list on `globalThis` that it reads at every call.
 * Nothing of it is imported or patched. Its tools and the runs that offer tools become spans, with what is called in them
 * as their children. https://ai-sdk.dev/docs/ai-sdk-core/telemetry
 *
 * What it asks of models goes through fetch, where it is traced; what a provider of it sends in another way is told from
 * the hook (framework-call.ts).
 */
import { SpanKind, type Attributes } from "@opentelemetry/api";
import { ATTR } from "../conventions.ts";
import { guarded } from "../health.ts";
import { OperationSpan } from "../operation-span.ts";
import { currentTracing } from "../tracing.ts";
import { toolContent } from "../tools/tool-content.ts";
import { fields, text, type Fields } from "../untyped.ts";
import { aiSdkCall, replyOf, serverOfEvent } from "./ai-sdk-call.ts";
import { startFrameworkCall, type FrameworkCall } from "./framework-call.ts";

const REGISTRY = "AI_SDK_TELEMETRY_INTEGRATIONS";
const NAME = "@assay/instrumentation";

type Execute = () => PromiseLike<unknown>;

/** Idempotent, also between two copies of this package. */
export function hookIntoAiSdk(): void {
  const known: unknown = Reflect.get(globalThis, REGISTRY);
  const integrations: unknown[] = Array.isArray(known) ? known : [];
  if (integrations.some((one) => fields(one)?.["name"] === NAME)) return;
  integrations.push(integration);
  Reflect.set(globalThis, REGISTRY, integrations);
}

const integration = {
  name: NAME,
  onStart: (event: unknown): void => quietly("starting a run", event, startRun),
  onEnd: (event: unknown): void => quietly("ending a run", event, (ended) => endRun(ended)),
  onAbort: (event: unknown): void => quietly("ending a run", event, (ended) => endRun(ended)),
  onError: (event: unknown): void =>
    quietly("ending a run", event, (ended) => endRun(ended, ended["error"] ?? new Error("failed"))),
  executeLanguageModelCall: ({ execute, ...event }: { execute: Execute }) =>
    callModel(event, execute),
  onLanguageModelCallEnd: (event: unknown): void => quietly("ending a call", event, endCall),
  executeTool: ({ execute, ...event }: { execute: Execute }) => callTool(event, execute),
  onToolExecutionEnd: (event: unknown): void => quietly("ending a tool", event, endTool),
};

function quietly(step: string, event: unknown, work: (event: Fields) => void): void {
  guarded(step, () => work(fields(event) ?? {}));
}

/** What has begun and not ended, by the id that its events share. The oldest goes where somebody never ends theirs. */
class Open<T> {
  readonly #items = new Map<string, T>();
  readonly #end: (item: T) => void;

  constructor(end: (item: T) => void) {
    this.#end = end;
  }

  add(id: string, item: T): void {
    const [oldest] = this.#items.size >= 1_000 ? this.#items.keys() : [];
    const lost = oldest === undefined ? undefined : this.take(oldest);
    if (lost) this.#end(lost);
    this.#items.set(id, item);
  }

  get(id: unknown): T | undefined {
    return this.#items.get(String(id));
  }

  take(id: unknown): T | undefined {
    const item = this.get(id);
    this.#items.delete(String(id));
    return item;
  }
}

const endUnseen = (span: OperationSpan): void => span.end({ contentSize: 0 });
const runs = new Open<OperationSpan>(endUnseen);
const tools = new Open<OperationSpan>(endUnseen);
const calls = new Open<FrameworkCall>(() => undefined);

/** A run that offers tools may take many steps; one without is its one call. */
function startRun(event: Fields): void {
  const tracing = currentTracing();
  const id = text(event["callId"]);
  // Major 6 reads the list too, and has no ids to tell its runs apart.
  if (!tracing || id === undefined || !event["tools"]) return;
  if (Object.keys(fields(event["tools"]) ?? {}).length === 0) return;
  const name = text(event["functionId"]);
  const attributes: Attributes = name === undefined ? {} : { [ATTR.agentName]: name };
  const span = new OperationSpan(tracing, {
    spanName: name === undefined ? "invoke_agent" : `invoke_agent ${name}`,
    kind: SpanKind.INTERNAL,
    operation: "invoke_agent",
    subject: name ?? "",
    attributes,
  });
  runs.add(id, span);
}

function endRun(event: Fields, error?: unknown): void {
  calls.take(event["callId"]);
  runs.take(event["callId"])?.end({ error, contentSize: 0 });
}

async function callModel(event: Fields, execute: Execute): Promise<unknown> {
  const run = runs.get(event["callId"]);
  return run ? run.run(() => callModelInRun(event, execute)) : callModelInRun(event, execute);
}

async function callModelInRun(event: Fields, execute: Execute): Promise<unknown> {
  const call = startFrameworkCall(() => aiSdkCall(event));
  if (!call) return execute();
  calls.add(String(event["callId"]), call);
  try {
    return await call.run(execute);
  } catch (error) {
    call.fail(error);
    throw error;
  }
}

/** Called when the answer is complete, streamed or not. */
function endCall(event: Fields): void {
  calls.take(event["callId"])?.succeed(() => replyOf(event), serverOfEvent(event));
}

async function callTool(event: Fields, execute: Execute): Promise<unknown> {
  const span = guarded("starting a tool", () => startTool(event));
  return span ? span.run(execute) : execute();
}

function startTool(event: Fields): OperationSpan | undefined {
  const tracing = currentTracing();
  const call = fields(event["toolCall"]) ?? {};
  const name = text(call["toolName"]);
  if (!tracing || name === undefined) return undefined;
  const attributes: Attributes = { [ATTR.toolName]: name, [ATTR.toolType]: "function" };
  const id = text(call["toolCallId"]);
  if (id !== undefined) attributes[ATTR.toolCallId] = id;
  const start = (): OperationSpan =>
    new OperationSpan(tracing, {
      spanName: `execute_tool ${name}`,
      kind: SpanKind.INTERNAL,
      operation: "execute_tool",
      subject: name,
      attributes,
    });
  const run = runs.get(event["callId"]);
  const span = run ? run.run(start) : start();
  tools.add(toolKey(event), span);
  return span;
}

function endTool(event: Fields): void {
  const output = fields(event["toolOutput"]) ?? {};
  const { input } = fields(event["toolCall"]) ?? {};
  const failed = output["type"] === "tool-error";
  const write = toolContent(input);
  tools.take(toolKey(event))?.end({
    error: failed ? (output["error"] ?? new Error("the tool failed")) : undefined,
    contentSize: 0,
    write: (attributes, writer) => write(attributes, writer, output["output"]),
  });
}

function toolKey(event: Fields): string {
  return `${String(event["callId"])} ${String(fields(event["toolCall"])?.["toolCallId"])}`;
}
