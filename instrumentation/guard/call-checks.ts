/**
 * The checks of one guarded call: runs those of each stage, notes what each found in an event of the guard's span, and stops
 * the call where one says so.
 *
 * An error of a check, or of ours, is noted and counts as `onFailure` says; it is never thrown into the service.
 */
import type { Check, CheckContext, Stage, ToolCall, Verdict } from "./check.ts";
import type { GuardSpan } from "./guard-span.ts";
import { laterVerdict } from "./later-verdict.ts";
import { Placeholders } from "./placeholders.ts";
import type { Spending } from "./spending.ts";
import { StageScan } from "./stage-scan.ts";
import { checkFailed, Stop, stops } from "./stop.ts";
import { Tally } from "./tally.ts";

export interface CallChecksOptions {
  guard: string;
  checks: readonly Check[];
  /** For all checks of one look at a text, those that are waited for aside. */
  timeLimitMs: number;
  span: GuardSpan;
  context: Omit<CheckContext, "stage" | "grounds">;
}

export class CallChecks {
  grounds: readonly string[] = [];
  readonly #options: CallChecksOptions;
  readonly #placeholders = new Placeholders();

  constructor(options: CallChecksOptions) {
    this.#options = options;
  }

  /** Whether anything looks at this stage. */
  watches(stage: Stage): boolean {
    return this.#options.checks.some(({ stages }) => stages.includes(stage));
  }

  /** The texts with what is to be redacted replaced. @throws Stop */
  async texts(stage: Stage, texts: readonly string[]): Promise<string[]> {
    if (texts.length === 0) return [];
    const scanned = this.scan(stage);
    try {
      const clean = texts.map((text) => scanned.whole(text));
      await this.inspect(stage, texts);
      return clean;
    } finally {
      scanned.note();
    }
  }

  /** The checks that find places, over any number of texts of one stage. */
  scan(stage: Stage): StageScan {
    const tallies = this.#at(stage)
      .filter(({ scan }) => scan)
      .map((check) => new Tally(check, stage));
    return new StageScan(tallies, {
      placeholders: this.#placeholders,
      timeLimitMs: this.#options.timeLimitMs,
      note: (tally) => this.#note(tally),
    });
  }

  /** The checks that judge a text as a whole. @throws Stop */
  async inspect(stage: Stage, texts: readonly string[]): Promise<void> {
    for (const check of this.#at(stage)) {
      if (!check.inspect) continue;
      const tally = new Tally(check, stage);
      for (const text of texts) await this.#inspectOne(check, text, tally);
      this.#decide(tally);
    }
  }

  /** @throws Stop */
  toolCall(call: ToolCall): void {
    for (const check of this.#at("tool_call")) {
      const { toolCall } = check;
      if (toolCall) this.#judge(check, "tool_call", (context) => toolCall(call, context));
    }
  }

  /** A call in a stream, whose pieces are on their way already: what is to be redacted in it is stopped. @throws Stop */
  async streamedToolCall(call: ToolCall): Promise<void> {
    this.toolCall(call);
    const given =
      typeof call.arguments === "string" ? call.arguments : (JSON.stringify(call.arguments) ?? "");
    const [clean] = await this.texts("tool_call", [given]);
    const redacting = this.#at("tool_call").find(({ action }) => action === "redact");
    if (clean === given || !redacting) return;
    const tally = new Tally({ ...redacting, action: "block" }, "tool_call");
    tally.judged({ types: ["streamed_arguments"] });
    this.#decide(tally);
  }

  /** Whether a check that judges texts as a whole may stop one. */
  stopsWhole(stage: Stage): boolean {
    return this.#at(stage).some(
      ({ inspect, action, onFailure }) => inspect && (action !== "warn" || onFailure === "closed"),
    );
  }

  /** Whether a failure of ours must stop the call. */
  get isClosed(): boolean {
    return this.#options.checks.some(({ onFailure }) => onFailure === "closed");
  }

  /** @throws Stop */
  before(call: Spending): void {
    for (const check of this.#options.checks) {
      const { before } = check;
      if (before) this.#judge(check, "input", (context) => before(call, context));
    }
  }

  /** While an answer grows; noted only when it goes too far. @throws Stop */
  growing(call: Spending): void {
    for (const check of this.#options.checks) {
      const { before } = check;
      if (!before) continue;
      const tally = new Tally(check, "output");
      this.#attempt(tally, () => before(call, this.#context("output")));
      if (tally.outcome === "block" || tally.outcome === "fallback") this.#decide(tally);
    }
  }

  spent(call: Spending): void {
    for (const check of this.#options.checks) {
      const { spent } = check;
      if (!spent) continue;
      const tally = new Tally(check, "output");
      this.#attempt(tally, () => spent(call, this.#context("output")));
      this.#note(tally);
    }
  }

  #at(stage: Stage): Check[] {
    return this.#options.checks.filter(({ stages }) => stages.includes(stage));
  }

  #context(stage: Stage): CheckContext {
    return { ...this.#options.context, stage, grounds: this.grounds };
  }

  #judge(check: Check, stage: Stage, look: (context: CheckContext) => Verdict | undefined): void {
    const tally = new Tally(check, stage);
    this.#attempt(tally, () => look(this.#context(stage)));
    this.#decide(tally);
  }

  #attempt(tally: Tally, look: () => Verdict | undefined): void {
    const startedAt = performance.now();
    try {
      const verdict = look();
      if (verdict) tally.judged(verdict);
    } catch (error) {
      checkFailed(tally, error);
    }
    tally.elapsedMs += performance.now() - startedAt;
  }

  async #inspectOne(check: Check, text: string, tally: Tally): Promise<void> {
    const context = this.#context(tally.stage);
    const startedAt = performance.now();
    try {
      const verdict = check.inspect?.(text, context);
      if (!(verdict instanceof Promise)) {
        if (verdict) tally.judged(verdict);
      } else if (check.waitMs === undefined) {
        laterVerdict(this.#options.guard, check, tally.stage, verdict);
      } else {
        const waited = await within(check.waitMs, verdict);
        if (waited) tally.judged(waited);
      }
    } catch (error) {
      checkFailed(tally, error);
    }
    tally.elapsedMs += performance.now() - startedAt;
  }

  #decide(tally: Tally): void {
    this.#note(tally);
    if (stops(tally.outcome)) throw new Stop(tally);
  }

  #note(tally: Tally): void {
    this.#options.span.note(tally);
  }
}

async function within<T>(limitMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    // oxlint-disable-next-line prefer-promise-reject-errors -- it is noted as the error's name, and is ours
    timer = setTimeout(() => reject("timeout"), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
