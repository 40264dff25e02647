/** Runs every situation in a process of its own and prints what the service saw: `esm|cjs <server> [double]`. */
import { createRequire } from "node:module";
import type OpenAI from "openai";
import { SITUATIONS } from "./situations.ts";

const [, , format, url, double] = process.argv;
if (double === "double") await import("@assay/instrumentation/register");
const sdk =
  format === "cjs"
    ? (createRequire(import.meta.url)("openai") as { OpenAI: typeof OpenAI })
    : await import("openai");
const client = new sdk.OpenAI({ apiKey: "test", baseURL: url, maxRetries: 0 });
const server = {
  aborted: async () => (await (await fetch(url!.replace("/v1", "/aborted"))).json()) as string[],
};

const seen: Record<string, unknown> = {};
for (const [name, situation] of Object.entries(SITUATIONS)) {
  try {
    seen[name] = await situation(client, `${format} ${name}`, server);
  } catch (error) {
    seen[name] = `threw ${String(error)}`;
  }
}
// The stream that nobody read goes with the garbage.
for (let round = 0; round < 10; round++) {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 5));
}
const { flush, stats } = await import("@assay/instrumentation");
await flush();
process.stdout.write(`${JSON.stringify({ seen, stats: stats() })}\n`);
process.exit(0);
