/** docs/dialects.md: what each instrumentation leaves out of a call, next to ours. */
import {
  CALLS,
  type CallName,
  type Collected,
  COMPARED,
  INSTRUMENTATIONS,
  type Instrumentation,
  KNOWN_DIFFERENCES,
  type Values,
} from "./collect.ts";

export function dialectsPage(collected: ReadonlyMap<Instrumentation, Collected>): string {
  const ours = collected.get("assay")!;
  const names = [...collected.keys()].filter((name) => name !== "assay");
  const lines = names.flatMap((name) => section(name, collected.get(name)!, ours));
  return `${HEADER}\n${lines.join("\n").trimEnd()}\n`;
}

const HEADER = `# What other instrumentations say of a call

The collector reads spans of OpenInference, OpenLLMetry (Traceloop), the Vercel AI SDK, Langfuse, MLflow, OpenLIT,
Pydantic AI and Logfire, Azure AI and Semantic Kernel, LangSmith and the older names of the OpenTelemetry conventions:
\`collector/dialects/\` has a table for each. Only calls to a model count toward tokens and cost, never the workflow,
agent or chain around them.

This page is written by \`npm run docs:dialects\`. It makes the same calls (a chat, the same streamed, one
that ends in a tool call, embeddings) through the real packages and through Assay's own instrumentation, sends the spans to a
collector and compares the rows in ClickHouse, column by column. Values that a package gives are equal to ours unless it says
otherwise here; tokens and model that are equal cost the same.
`;

function section(name: Instrumentation, theirs: Collected, ours: Collected): string[] {
  const rows = CALLS.map((call) => row(name, call, theirs[call], ours[call] ?? {}));
  const around =
    theirs.surrounding > 0
      ? ["", `Spans around these calls, which do not count: ${theirs.surrounding}.`]
      : [];
  const twice =
    theirs.repeated > 0
      ? ["", `Spans that repeat a call, without its tokens: ${theirs.repeated}.`]
      : [];
  return [
    `## ${INSTRUMENTATIONS[name]}`,
    "",
    ...aligned([["call", "left out", "different"], ...rows]),
    ...around,
    ...twice,
    "",
  ];
}

function row(
  name: Instrumentation,
  call: CallName,
  theirs: Values | undefined,
  ours: Values,
): string[] {
  if (theirs === undefined) return [call, "everything: there is no span", ""];
  const missing = COMPARED.filter((key) => ours[key] !== undefined && theirs[key] === undefined);
  const known = KNOWN_DIFFERENCES[name] ?? {};
  const different = COMPARED.filter((key) => known[`${call} ${key}`] !== undefined).map(
    (key) => `\`${key}\`: ${known[`${call} ${key}`]}`,
  );
  const left = missing.map((key) => `\`${key}\``).join(", ");
  return [call, left || "nothing", different.join("; ")];
}

/** A table as the formatter writes it. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = [0, 1, 2].map((column) =>
    Math.max(3, ...rows.map((cells) => cells[column]!.length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const [head, ...rest] = rows.map(line);
  return [head!, line(widths.map((width) => "-".repeat(width))), ...rest];
}
