import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    reporters: ["default", "./test/last-line-reporter.ts"],
    // Two files at a time: each may run an engine of its own, and CI has two cores.
    maxWorkers: 2,
    onConsoleLog: () => undefined,
    globalSetup: "./test/temporary-folder.ts",
    // What a test waits for is there in a moment; these end one that would hang. A shared machine may stand still for seconds.
    expect: { poll: { timeout: 60_000 } },
    hookTimeout: 180_000,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["**/*.test.ts"],
          exclude: ["**/*.int.test.ts", "**/*.e2e.test.ts", "**/node_modules/**"],
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["**/*.int.test.ts", "**/*.e2e.test.ts"],
          exclude: ["**/node_modules/**"],
          testTimeout: 180_000,
        },
      },
    ],
  },
});
