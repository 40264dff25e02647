/** The span around a guarded call, and its events. Without tracing the guard does its work all the same. */
import { SpanKind } from "@opentelemetry/api";
import { ATTR, GUARDRAIL_EVENT } from "../conventions.ts";
import { guarded } from "../health.ts";
import { OperationSpan } from "../operation-span.ts";
import { currentTracing } from "../tracing.ts";
import type { Outcome } from "./check.ts";
import type { Tally } from "./tally.ts";

const STRENGTH: Readonly<Record<Outcome, number>> = {
  pass: 0,
  warn: 1,
  redact: 2,
  fallback: 3,
  block: 4,
};

export class GuardSpan {
  readonly #guard: string;
  readonly #span: OperationSpan | undefined;
  #strongest: Outcome = "pass";

  /** @param spanName @default "guard", and the guard's name */
  constructor(guard: string, spanName = `guard ${guard}`) {
    this.#guard = guard;
    this.#span = guarded("starting a guard's span", () => {
      const tracing = currentTracing();
      return (
        tracing &&
        new OperationSpan(tracing, {
          spanName,
          kind: SpanKind.INTERNAL,
          subject: guard,
          attributes: { [ATTR.guardrailName]: guard },
        })
      );
    });
  }

  get strongest(): Outcome {
    return this.#strongest;
  }

  run<T>(work: () => T): T {
    return this.#span ? this.#span.run(work) : work();
  }

  note(tally: Tally): void {
    const { outcome } = tally;
    if (STRENGTH[outcome] > STRENGTH[this.#strongest]) this.#strongest = outcome;
    guarded("noting a check", () =>
      this.#span?.event(GUARDRAIL_EVENT, tally.attributes(this.#guard)),
    );
  }

  /** @param error of the guarded call; what a check stopped is no error */
  end(error?: unknown): void {
    guarded("ending a guard's span", () => {
      this.#span?.describe({
        [ATTR.guardrailAction]: this.#strongest,
        ...(this.#strongest === "block" ? { [ATTR.guardrailBlocked]: true } : {}),
      });
      this.#span?.end({ error, contentSize: 0 });
    });
  }
}
