/** An MCP server with the real SDK: over stdio, or over HTTP on a free port whose number it prints (`http`). */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { z } from "zod";

function build() {
  const server = new McpServer({ name: "test", version: "1.0.0" });
  const city = { inputSchema: { city: z.string() } };
  const text = (value) => ({ content: [{ type: "text", text: value }] });
  server.registerTool("weather", city, ({ city: name }) => text(`rain in ${name}`));
  server.registerTool(
    "structured",
    { ...city, outputSchema: { degrees: z.number() } },
    ({ city: name }) => ({ ...text("cold"), structuredContent: { degrees: name.length } }),
  );
  server.registerTool("failing", city, () => ({ ...text("no such city"), isError: true }));
  server.registerTool("throwing", city, () => {
    throw new Error("out of order");
  });
  server.registerTool("context", city, (_given, { _meta }) => text(JSON.stringify(_meta ?? {})));
  server.registerTool("empty", {}, () => ({ content: [] }));
  server.registerTool("slow", city, async ({ city: name }) => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return text(`late in ${name}`);
  });
  server.registerResource("guide", "docs://guide", {}, () => ({
    contents: [{ uri: "docs://guide", text: "the guide" }],
  }));
  server.registerPrompt("greet", {}, () => ({
    messages: [{ role: "user", content: { type: "text", text: "hello" } }],
  }));
  return server;
}

if (process.argv[2] === "http") {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID });
  await build().connect(transport);
  const server = createServer(
    (request, response) => void transport.handleRequest(request, response),
  );
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
} else {
  await build().connect(new StdioServerTransport());
}
