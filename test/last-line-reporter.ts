/** Prints `N passed, N failed, N skipped` alone on the last line: the one summary that every CI can read. */
import type { Reporter, TestModule } from "vitest/node";

export default class LastLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandled.length;
    let skipped = 0;
    for (const module of modules) {
      failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed++;
        else if (state === "failed") failed++;
        else skipped++;
      }
    }
    // The default reporter writes its summary in the same phase; the end of the process comes after it.
    process.once("exit", () =>
      process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`),
    );
  }
}
