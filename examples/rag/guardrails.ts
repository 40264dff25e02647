/** What is looked at before a question goes to the model, and after the answer has come. */
import { checks, guard } from "@assay/instrumentation";

export const guardrails = guard({
  name: "handbook",
  checks: [
    // The model needs nobody's address to answer from a handbook.
    checks.pii({ stages: ["input"] }),
    checks.promptInjection({ stages: ["input"], action: "block" }),
    // A number that stands in no passage is an invented one: noted, so that a dashboard shows when it gets more.
    checks.numbers(),
  ],
});
