/** What one check found at one stage of a call, and what came of it: one event. */
import type { Attributes } from "@opentelemetry/api";
import { ATTR } from "../conventions.ts";
import type { Check, Outcome, Stage, Verdict } from "./check.ts";

const MOST_TYPES = 16;

export class Tally {
  readonly check: Check;
  readonly stage: Stage;
  readonly types = new Set<string>();
  count = 0;
  elapsedMs = 0;
  /** Why the check failed. */
  error: string | undefined;
  #risk: number | undefined;
  #reason: string | undefined;
  #isWarning = false;

  constructor(check: Check, stage: Stage) {
    this.check = check;
    this.stage = stage;
  }

  found(type: string): void {
    this.count++;
    if (this.types.size < MOST_TYPES) this.types.add(type);
    this.#raise(this.check.scan?.risk?.(type));
  }

  judged(verdict: Verdict): void {
    this.#isWarning = this.count === 0 && verdict.action === "warn";
    this.count += verdict.count ?? verdict.types.length;
    for (const type of verdict.types.slice(0, MOST_TYPES)) this.types.add(type);
    this.#raise(verdict.risk);
    this.#reason ??= verdict.reason;
  }

  failed(error: unknown): void {
    this.error ??= error instanceof Error ? error.constructor.name : String(error);
  }

  get outcome(): Outcome {
    // A check that is closed and failed cannot say what to redact: nothing passes.
    if (this.error !== undefined && this.check.onFailure === "closed") return "block";
    if (this.count === 0) return "pass";
    return this.#isWarning ? "warn" : this.check.action;
  }

  attributes(guard: string): Attributes {
    const attributes: Attributes = {
      [ATTR.guardrailName]: guard,
      [ATTR.guardrailCheck]: this.check.name,
      [ATTR.guardrailVersion]: this.check.version,
      [ATTR.guardrailStage]: this.stage,
      [ATTR.guardrailAction]: this.outcome,
      [ATTR.guardrailLatencyMs]: this.elapsedMs,
    };
    if (this.count > 0) {
      attributes[ATTR.guardrailMatchCount] = this.count;
      attributes[ATTR.guardrailMatchTypes] = [...this.types];
    }
    if (this.#risk !== undefined) attributes[ATTR.guardrailRisk] = this.#risk;
    if (this.#reason !== undefined) attributes[ATTR.guardrailReason] = this.#reason;
    if (this.error !== undefined) attributes[ATTR.guardrailError] = this.error;
    return attributes;
  }

  #raise(risk: number | undefined): void {
    if (risk !== undefined) this.#risk = Math.max(this.#risk ?? 0, risk);
  }
}
