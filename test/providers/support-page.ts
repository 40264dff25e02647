/** docs/support.md: which behaviours of which provider are traced, as the contract found it. */
import { behavioursOf, installedVersion, type ContractResult } from "./contract.ts";

export const SUPPORT_PAGE = new URL("../../docs/support.md", import.meta.url);

const HEAD = `# What is traced

Every provider's SDK, and every store's, runs through one contract: what the service sees is the same with the
instrumentation and without, and each call is exactly one span that says how it went. This page is written from what the
contract found:
\`npm run docs:support\`.

\`server\`: proved with the real SDK against a server of ours that speaks the provider's protocol. \`recording\`: proved with
recorded answers of the real API as well. Of searches, pgvector's are proved against PostgreSQL with pgvector's type and
operators, LangChain's and \`traceRetriever\`'s with a store in the process.
`;

/** Each has tests of its own, with situations that a model call does not have. */
const TOOLS: readonly (readonly [name: string, folder: string, tests: string])[] = [
  ["LangChain.js: tools", "@langchain/core", "langchain.int.test.ts"],
  ["Vercel AI SDK: tools", "ai", "ai-sdk.int.test.ts"],
  ["MCP clients", "@modelcontextprotocol/sdk", "mcp.int.test.ts"],
];

export function supportPage(contracts: readonly ContractResult[]): string {
  return [HEAD, ...contracts.map(supportRow), toolsPart()].join("\n");
}

export function toolsPart(): string {
  const rows = TOOLS.map(
    ([name, folder, tests]) =>
      `| ${name} | \`${folder}\` ${installedVersion(folder) ?? "not installed"} | server | test/providers/${tests} |`,
  );
  return `## Tools, and what is not traced

| | package | | situations |
| --- | --- | --- | --- |
${rows.join("\n")}
| LlamaIndex.TS: retrievers | \`@llamaindex/core\` | unsupported: its core complains when it is loaded twice, as patching both of its builds would; wrap them with \`traceRetriever\` | |
`;
}

/** One provider's part of the page. */
export function supportRow(contract: ContractResult): string {
  const rows = behavioursOf(contract).map((name) => `| ${name} | ${cell(contract, name)} |`);
  return `## ${contract.provider}

\`${contract.package}\` ${contract.version}

| behaviour | |
| --- | --- |
${rows.join("\n")}
`;
}

function cell(contract: ContractResult, name: string): string {
  const result = contract.results.get(name);
  if (!result) return "not tried";
  if (result.unsupported !== undefined) return `unsupported: ${result.unsupported}`;
  if (result.problems.length > 0) return "fails";
  return contract.recorded.has(name) ? "server, recording" : "server";
}
