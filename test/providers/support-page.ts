/** docs/support.md: which behaviours of which provider are traced, as the contract found it. */
import { BEHAVIOURS, type ContractResult } from "./contract.ts";

export const SUPPORT_PAGE = new URL("../../docs/support.md", import.meta.url);

const HEAD = `# What is traced

Every provider's SDK runs through one contract: what the service sees is the same with the instrumentation and without,
and each call is exactly one span that says how it went. This page is written from what the contract found:
\`npm run docs:support\`.

\`server\`: proved with the real SDK against a server of ours that speaks the provider's protocol. \`recording\`: proved with
recorded answers of the real API as well.
`;

export function supportPage(contracts: readonly ContractResult[]): string {
  return [HEAD, ...contracts.map(supportRow)].join("\n");
}

/** One provider's part of the page. */
export function supportRow(contract: ContractResult): string {
  const rows = BEHAVIOURS.map((name) => `| ${name} | ${cell(contract, name)} |`);
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
