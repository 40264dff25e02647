/**
 * Calls an MCP server with the real client in every situation and prints what the service saw: `esm|cjs stdio|<url>`.
 * Each situation runs in an agent of its name where the instrumentation is loaded.
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const [, , format, target] = process.argv;
const require = createRequire(import.meta.url);
const load = (name) =>
  format === "cjs"
    ? require(`@modelcontextprotocol/sdk/${name}`)
    : import(`@modelcontextprotocol/sdk/${name}`);
const assay = process.env.ASSAY_ENDPOINT ? await import("@assay/instrumentation") : undefined;
const run = (name, work) => (assay ? assay.traceAgent(name, work)() : work());
const tool = (name, work) => (assay ? assay.traceTool(name, work) : work);

const { Client } = await load("client/index.js");
const { StdioClientTransport } = await load("client/stdio.js");
const { StreamableHTTPClientTransport } = await load("client/streamableHttp.js");
const transport =
  target === "stdio"
    ? new StdioClientTransport({
        command: process.execPath,
        args: [fileURLToPath(new URL("mcp-server.mjs", import.meta.url))],
      })
    : new StreamableHTTPClientTransport(new URL(target));
const client = new Client({ name: "test", version: "1.0.0" });
await client.connect(transport);
const call = (name, city, options) =>
  client.callTool({ name, arguments: { city } }, undefined, options);

const SITUATIONS = {
  plain: () => call("weather", "Bern"),
  structured: async () => {
    await client.listTools();
    return call("structured", "Bern");
  },
  "the tool says it failed": () => call("failing", "Bern"),
  "the tool throws": () => call("throwing", "Bern"),
  "no such tool": () => call("absent", "Bern"),
  "no arguments": () => client.callTool({ name: "empty" }),
  "wrong arguments": () => call("weather", 7),
  "timed out": () => call("slow", "Bern", { timeout: 30 }),
  aborted: () => call("slow", "Bern", { signal: AbortSignal.timeout(30) }),
  "aborted before": () => call("weather", "Bern", { signal: AbortSignal.abort() }),
  resource: () => client.readResource({ uri: "docs://guide" }),
  "no such resource": () => client.readResource({ uri: "docs://absent" }),
  prompt: () => client.getPrompt({ name: "greet" }),
  "traced by the service": () =>
    tool("weather", ({ city }) => call("weather", city))({ city: "Bern" }),
  "within another tool": () =>
    tool("planner", ({ city }) => call("weather", city))({ city: "Bern" }),
  "bad call": () => client.callTool(),
};

const outcome = async (name, work) => {
  try {
    return { value: await run(name, work) };
  } catch (error) {
    return { threw: `${error?.constructor?.name} ${error?.code}: ${error?.message}` };
  }
};

const seen = {};
for (const [name, situation] of Object.entries(SITUATIONS))
  seen[name] = await outcome(name, situation);
seen["concurrent"] = await Promise.all(
  ["slow", "weather"].map((name) =>
    outcome(`concurrent ${name}`, () => call(name, `city of ${name}`)),
  ),
);
const contexts = [
  await outcome("context", () => call("context", "Bern")),
  await outcome("own context", () =>
    client.callTool({
      name: "context",
      arguments: { city: "Bern" },
      _meta: { traceparent: "mine", note: 1 },
    }),
  ),
].map(({ value }) => JSON.parse(value.content[0].text));
await client.close();
seen["closed"] = await outcome("closed", () => call("weather", "Bern"));

await assay?.flush();
const report = assay && {
  errors: assay.stats().instrumentationErrors,
  warnings: assay.status().warnings,
};
process.stdout.write(`${JSON.stringify({ seen, contexts, report })}\n`, () => process.exit(0));
