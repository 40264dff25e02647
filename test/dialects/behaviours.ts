/**
 * The ways in which the OpenAI SDK is used, side by side: through each instrumentation the service should see what it
 * sees without one, and one span should end. Prints the table, or writes docs/behaviours.md: npm run docs:behaviours
 */
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { startModelServer } from "../../instrumentation/testing/model-server.ts";
import { startOtlpSink, type SinkSpan } from "../../instrumentation/testing/otlp-sink.ts";
import { runNode } from "../../instrumentation/testing/run-node.ts";

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const CHILD = folder("behaviours.mjs");
/** Where an SDK is found: one copy of each major version. */
const SDKS = [folder("./"), folder("../providers/")];

const NAMES = {
  assay: "Assay",
  opentelemetry: "instrumentation-openai",
  traceloop: "Traceloop",
  openinference: "OpenInference",
  langfuse: "Langfuse",
} as const;

type Name = keyof typeof NAMES;
const INSTRUMENTATIONS = Object.keys(NAMES) as Name[];

interface Side {
  /** Of the SDK. */
  version: string;
  /** Behaviour → `ok`, or what is wrong. */
  verdicts: Map<string, Record<Name, string>>;
}

export const hasSdks: boolean = SDKS.every((at) => existsSync(`${at}node_modules/openai`));

export async function compareBehaviours(): Promise<Side[]> {
  const sides: Side[] = [];
  for (const at of SDKS) sides.push(await compareWith(at));
  return sides;
}

async function compareWith(sdk: string): Promise<Side> {
  const manifest = readFileSync(`${sdk}node_modules/openai/package.json`, "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  const plain = await run("none", sdk);
  const verdicts: Side["verdicts"] = new Map();
  for (const name of INSTRUMENTATIONS) {
    const { seen, spans } = await run(name, sdk);
    for (const [behaviour, outcome] of Object.entries(plain.seen)) {
      const row = verdicts.get(behaviour) ?? ({} as Record<Name, string>);
      row[name] = verdict(
        outcome,
        seen[behaviour],
        spans.filter((span) => isOf(span, behaviour)),
      );
      verdicts.set(behaviour, row);
    }
  }
  return { version, verdicts };
}

async function run(
  name: string,
  sdk: string,
): Promise<{ seen: Record<string, unknown>; spans: SinkSpan[] }> {
  const [model, sink] = await Promise.all([startModelServer(), startOtlpSink()]);
  try {
    const { stdout, stderr } = await runNode(["--expose-gc", CHILD, name, sdk], {
      MODEL_URL: model.url,
      OTLP_URL: sink.url,
      OTEL_METRICS_EXPORTER: "none",
    });
    const start = stdout.indexOf("{");
    if (start < 0) throw new Error(`${name} printed nothing: ${stderr.slice(0, 2_000)}`);
    return { seen: JSON.parse(stdout.slice(start)) as Record<string, unknown>, spans: sink.spans };
  } finally {
    await Promise.all([model.close(), sink.close()]);
  }
}

function isOf({ attributes }: SinkSpan, behaviour: string): boolean {
  const model = `model of ${behaviour}`;
  const models = [model, `${model} endless`, `${model} broken`];
  return Object.values(attributes).some((value) => models.includes(String(value)));
}

function verdict(plain: unknown, seen: unknown, spans: readonly SinkSpan[]): string {
  const problems: string[] = [];
  if (!isDeepStrictEqual(seen, plain)) problems.push(difference(plain, seen));
  if (spans.length === 0) problems.push("no span");
  if (spans.length > 1) problems.push(`${spans.length} spans`);
  return problems.join(", ") || "ok";
}

function difference(plain: unknown, seen: unknown): string {
  if (typeof seen === "string") return /^\w*Error:/.test(seen) ? seen.split(":")[0]! : seen;
  if (Array.isArray(seen) && Array.isArray(plain)) {
    const other = seen.find((value, at) => !isDeepStrictEqual(value, plain[at]));
    if (typeof other === "string") return other;
  }
  return "another answer";
}

export function behavioursPage(sides: readonly Side[]): string {
  return [HEAD, ...sides.map(section)].join("\n");
}

function section({ version, verdicts }: Side): string {
  const rows = [...verdicts].map(
    ([behaviour, row]) =>
      `| ${behaviour} | ${INSTRUMENTATIONS.map((name) => row[name]).join(" | ")} |`,
  );
  return `## openai ${version}

| | ${INSTRUMENTATIONS.map((name) => NAMES[name]).join(" | ")} |
| --- |${" --- |".repeat(INSTRUMENTATIONS.length)}
${rows.join("\n")}
`;
}

const HEAD = `# What a service sees through an instrumentation

The same calls of the real OpenAI SDK through five instrumentations, in processes of their own, against one model server.
\`ok\`: the service saw what it sees without any, and one span ended. Everything else is what happened instead. Written by
\`npm run docs:behaviours\`; versions of the others are those of \`test/dialects/package.json\`.
`;

if (import.meta.main) {
  const page = behavioursPage(await compareBehaviours());
  const to = new URL("../../docs/behaviours.md", import.meta.url);
  if (process.argv.includes("--write")) await writeFile(to, page);
  else process.stdout.write(page);
}
