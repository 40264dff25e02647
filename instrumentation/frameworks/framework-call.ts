/**
 * A model call as a framework sees it. Frameworks call SDKs, and those are traced themselves: where one was, the call is
 * its span alone, so that tokens and cost are counted once. Only where none was seen, because the framework has a
 * transport of its own, does the framework's account of the call become a span.
 */
import { createContextKey, type Context } from "@opentelemetry/api";
import type { Reply } from "../dialect.ts";
import { countError, guarded } from "../health.ts";
import { isInsideModelCall, onModelCall, startModelCall, type CallRequest } from "../model-call.ts";
import { currentTracing, type Tracing } from "../tracing.ts";

const FRAMEWORK_CALL = createContextKey("assay.framework-call");

onModelCall((context) => {
  const outer = context.getValue(FRAMEWORK_CALL);
  if (outer instanceof FrameworkCall) outer.seen();
});

/** undefined: not traced, or part of a call that is. Errors of ours end here. */
export function startFrameworkCall(
  describe: () => CallRequest | undefined,
): FrameworkCall | undefined {
  try {
    const tracing = currentTracing();
    if (!tracing || isInsideModelCall(tracing.active())) return undefined;
    const request = describe();
    return request && new FrameworkCall(tracing, request);
  } catch (error) {
    countError("starting a framework's call", error);
    return undefined;
  }
}

export class FrameworkCall {
  readonly #tracing: Tracing;
  readonly #parent: Context;
  readonly #request: CallRequest;
  readonly #startedAt = performance.now();
  /** A model call within this one was traced, or this one has ended: there is nothing more to say of it. */
  #told = false;

  constructor(tracing: Tracing, request: CallRequest) {
    this.#tracing = tracing;
    this.#parent = tracing.active();
    this.#request = request;
  }

  run<T>(work: () => T): T {
    return this.#tracing.run(this.#parent.setValue(FRAMEWORK_CALL, this), work);
  }

  seen(): void {
    this.#told = true;
  }

  get isTold(): boolean {
    return this.#told;
  }

  /** @param replyOf asked only where nothing else told of the call */
  succeed(replyOf: () => Reply, server = this.#request.server): void {
    const call = this.#tell({ ...this.#request, server });
    if (!call) return;
    const reply = guarded("reading an answer", replyOf);
    if (reply) call.succeed(reply);
    else call.finishUnseen();
  }

  fail(error: unknown): void {
    this.#tell(this.#request)?.fail(error);
  }

  #tell(request: CallRequest): ReturnType<typeof startModelCall> {
    if (this.#told) return undefined;
    this.#told = true;
    return guarded("telling of a framework's call", () =>
      this.#tracing.run(this.#parent, () => startModelCall(request, this.#startedAt)),
    );
  }
}
