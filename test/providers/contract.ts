/**
 * One contract for every provider of models, and one for every store that is searched: with the instrumentation the service sees exactly what it sees without, and each call
 * is one span that says how it went.
 *
 * A provider brings a script (.mjs, see anthropic.mjs) that maps behaviours to situations, a model API of its own on
 * loopback, and what the spans are to say. The script runs in processes of its own (contract-child.mjs): plain and
 * traced, as ES module and as CommonJS, registered late, and with a second copy of the SDK. What comes out is a list of
 * problems per behaviour, which the test wants empty and docs/support.md is written from.
 */
import { existsSync, readFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { MODEL_OPERATIONS } from "../../instrumentation/conventions.ts";
import { startOtlpSink, type SinkSpan } from "../../instrumentation/testing/otlp-sink.ts";
import { runNode } from "../../instrumentation/testing/run-node.ts";
import { folderWith, folderWithCopy, type InstalledAs } from "./service-folder.ts";

const BEHAVIOURS = [
  "plain",
  "streamed",
  "streamed and abandoned",
  "broken off mid-stream",
  "never consumed",
  "aborted by signal",
  "timed out",
  "retried by the SDK",
  "error status",
  "tool calls",
  "parse",
  "with response",
  "raw response",
  "helper stream",
  "concurrent calls",
  "cached and reasoning tokens",
  "usage missing from the stream",
  "imported before the registration",
  "both module systems",
  "two copies of the SDK",
] as const;

const SEARCH_BEHAVIOURS = [
  "query",
  "k",
  "ids and scores",
  "content, full",
  "content, redacted",
  "content, hash only",
  "content, off",
  "nothing found",
  "error",
  "aborted",
  "concurrent searches",
  "handed to instrumentRetriever",
  "imported before the registration",
  "both module systems",
] as const;

type Behaviour = (typeof BEHAVIOURS)[number];

/** What is true of the process rather than of a call. */
const OF_PROCESS: readonly string[] = [
  "imported before the registration",
  "both module systems",
  "two copies of the SDK",
] satisfies readonly Behaviour[];

export function behavioursOf({ searches }: Pick<Provider, "searches">): readonly string[] {
  return searches ? SEARCH_BEHAVIOURS : BEHAVIOURS;
}

/** Attribute → its value; `PRESENT`: any; `ANYHOW`: any or none; undefined: it must not be there. */
export type Expected = Readonly<Record<string, unknown>>;

export const PRESENT = Symbol("present");
export const ANYHOW = Symbol("anyhow");

export interface Provider {
  readonly name: string;
  /** Ours: there is no SDK, and nothing is patched. */
  readonly package: string;
  /** Its calls are searches in a store. @default false: calls to a model */
  readonly searches?: boolean;
  /** What a service has besides, or under another name than here: another major. */
  readonly installedAs?: InstalledAs;
  /** Exports `packages` and `situations`. */
  readonly script: URL;
  startServer(): Promise<{ url: string; close(): Promise<void> }>;
  /** Of every call, unless `calls` says otherwise. */
  readonly every: Expected;
  /**
   * Of the calls of a behaviour, in the order of the names that they run under (`concurrent calls a`, `… b`). Situations
   * of the script beyond the contract's behaviours have their row here too.
   */
  readonly calls: Readonly<Record<string, readonly Expected[]>>;
  /** Names of the spans between a situation and its calls: agents, tools, retrievals. @default none */
  readonly around?: Readonly<Record<string, readonly string[]>>;
  /** Whose recorded answers are replayed to it (see recordings.ts), and the behaviours that they prove as well. */
  readonly api?: string;
  readonly recorded?: readonly Behaviour[];
}

interface BehaviourResult {
  problems: string[];
  unsupported?: string;
}

export interface ContractResult extends Pick<Provider, "searches"> {
  provider: string;
  package: string;
  version: string;
  results: Map<string, BehaviourResult>;
  recorded: ReadonlySet<string>;
}

interface Outcome {
  seen: Record<string, unknown>;
  unsupported: Record<string, string>;
  problems: string[];
  spans: SinkSpan[];
}

type Mode = "esm" | "cjs" | "late" | "copies";

const HERE = new URL("./", import.meta.url);
const CHILD = fileURLToPath(new URL("contract-child.mjs", HERE));
const REGISTER = fileURLToPath(new URL("../../instrumentation/register.ts", HERE));
/** What is true of the process is tried with these. */
const SAMPLES = ["plain", "streamed"];
const SEARCH_SAMPLES = ["k", "ids and scores"];
const OURS = "@assay/instrumentation";

export function versionOf(provider: Provider): string | undefined {
  return installedVersion(packagesOf(provider)[provider.package] ?? provider.package);
}

/** @param folder in node_modules */
export function installedVersion(folder: string): string | undefined {
  const manifest = new URL(
    `${folder === OURS ? "../../" : ""}node_modules/${folder}/package.json`,
    HERE,
  );
  if (!existsSync(manifest)) return undefined;
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}

function packagesOf(provider: Provider): InstalledAs {
  // A folder of a service has ours already.
  if (provider.package === OURS) return {};
  return { [provider.package]: provider.package, ...provider.installedAs };
}

export async function runContract(provider: Provider): Promise<ContractResult> {
  const formats = ["esm", "cjs"] as const;
  const plain = await Promise.all(formats.map((format) => run(provider, format, false)));
  const traced = await Promise.all(formats.map((format) => run(provider, format, true)));
  const results = new Map<string, BehaviourResult>();
  const moduleProblems: string[] = [];
  for (const [at, format] of formats.entries()) {
    const [expected, seen] = [plain[at]!, traced[at]!];
    for (const name of namesOf(provider, expected)) {
      const problems = compare(provider, name, expected, seen);
      addResult(results, name, problems, format, expected.unsupported[name]);
      moduleProblems.push(...problems.map((problem) => `${format}, ${name}: ${problem}`));
    }
    moduleProblems.push(...seen.problems.map((problem) => `${format}: ${problem}`));
  }
  const esm = plain[0]!;
  const [late, copies] = await Promise.all([
    lateProblems(provider, esm),
    copiesProblems(provider, esm),
  ]);
  const whole = (name: Behaviour, problems: string[]): void => {
    if (behavioursOf(provider).includes(name))
      addResult(results, name, problems, "process", esm.unsupported[name]);
  };
  whole("both module systems", moduleProblems);
  whole("imported before the registration", late);
  whole("two copies of the SDK", copies);
  return {
    provider: provider.name,
    package: provider.package,
    version: versionOf(provider) ?? "unknown",
    ...(provider.searches && { searches: true }),
    results,
    recorded: new Set(provider.recorded),
  };
}

/** The contract's, and the ones of the script beyond them. */
function namesOf(provider: Provider, outcome: Outcome): string[] {
  const ofCalls = behavioursOf(provider).filter((name) => !OF_PROCESS.includes(name));
  return [...new Set([...ofCalls, ...Object.keys(provider.calls), ...Object.keys(outcome.seen)])];
}

function addResult(
  results: Map<string, BehaviourResult>,
  name: string,
  problems: string[],
  where: string,
  unsupported: string | undefined,
): void {
  const result = results.get(name) ?? { problems: [] };
  if (unsupported === undefined)
    result.problems.push(...problems.map((problem) => `${where}: ${problem}`));
  else result.unsupported = unsupported;
  results.set(name, result);
}

async function run(
  provider: Provider,
  mode: Mode,
  traced: boolean,
  { cwd, only = [] }: { cwd?: string; only?: readonly string[] } = {},
): Promise<Outcome> {
  const [sink, server] = await Promise.all([startOtlpSink(), provider.startServer()]);
  await using service = await folderWith(packagesOf(provider));
  const child = join(service.folder, basename(CHILD));
  await copyFile(CHILD, child);
  try {
    const register = traced && mode !== "late" ? ["--import", REGISTER] : [];
    const script = fileURLToPath(provider.script);
    const { stdout, stderr } = await runNode(
      ["--expose-gc", ...register, child, script, mode, server.url, only.join(",")],
      {
        // Six processes load the same files: half of what they would need is compiling them.
        NODE_COMPILE_CACHE: join(tmpdir(), "assay-compile-cache"),
        ...(traced ? { ASSAY_ENDPOINT: sink.url, ASSAY_CONTENT: "full" } : {}),
      },
      cwd ?? service.folder,
    );
    if (!stdout) throw new Error(`the child of ${provider.name} printed nothing: ${stderr}`);
    return { ...(JSON.parse(stdout) as Omit<Outcome, "spans">), spans: sink.spans };
  } finally {
    await Promise.all([sink.close(), server.close()]);
  }
}

function compare(provider: Provider, name: string, plain: Outcome, traced: Outcome): string[] {
  if (plain.unsupported[name] !== undefined) return [];
  if (!(name in plain.seen)) return ["neither tried nor declared unsupported"];
  const seen = [plain.seen[name], traced.seen[name]];
  const problems: string[] = [];
  if (String(seen[0]).startsWith("threw")) problems.push(`the service ${String(seen[0])}`);
  if (!isDeepStrictEqual(seen[0], seen[1]))
    problems.push(`the service saw ${show(seen[1])}, without us ${show(seen[0])}`);
  return [...problems, ...spanProblems(provider, name, callsOf(name, traced.spans))];
}

function callsOf(name: string, spans: readonly SinkSpan[]): SinkSpan[] {
  const parents = spans
    .filter((span) => span.name === `invoke_agent ${name}` || isPartOf(span.name, name))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const others = spans.filter((span) => !parents.includes(span));
  return parents.flatMap((parent) => descendants(parent, others));
}

function descendants(parent: SinkSpan, spans: readonly SinkSpan[]): SinkSpan[] {
  return spans
    .filter((span) => span.parentSpanId === parent.spanId)
    .flatMap((span) => [span, ...descendants(span, spans)]);
}

function isCall({ searches }: Provider, span: SinkSpan): boolean {
  const operation = String(span.attributes["gen_ai.operation.name"]);
  return searches ? operation === "retrieval" : MODEL_OPERATIONS.has(operation);
}

/** `concurrent calls a` is a part of `concurrent calls`; parts have one letter. */
function isPartOf(span: string, name: string): boolean {
  const prefix = `invoke_agent ${name} `;
  return span.startsWith(prefix) && span.length === prefix.length + 1;
}

function spanProblems(provider: Provider, name: string, spans: readonly SinkSpan[]): string[] {
  const expected = provider.calls[name] ?? [{}];
  const calls = spans.filter((span) => isCall(provider, span));
  const around = spans.filter((span) => !isCall(provider, span)).map((span) => span.name);
  const expectedAround = provider.around?.[name] ?? [];
  if (!isDeepStrictEqual(around.toSorted(), expectedAround))
    return [`the spans around are ${show(around)} instead of ${show(expectedAround)}`];
  if (calls.length !== expected.length)
    return [`${calls.length} spans instead of ${expected.length}: ${show(calls)}`];
  return calls.flatMap((span, at) =>
    attributeProblems(span, { ...provider.every, ...expected[at] }),
  );
}

function attributeProblems(span: SinkSpan, expected: Expected): string[] {
  const problems: string[] = [];
  const { attributes } = span;
  for (const [name, value] of Object.entries(expected)) {
    const isRight =
      value === ANYHOW ||
      (value === PRESENT ? name in attributes : saysTheSame(attributes[name], value));
    if (!isRight) problems.push(`${name} is ${show(attributes[name])} instead of ${show(value)}`);
  }
  if (span.kind !== 3) problems.push(`the span's kind is ${span.kind} instead of CLIENT`);
  if (span.error !== "error.type" in attributes)
    problems.push(
      `status ${span.error ? "error" : "unset"}, error.type ${show(attributes["error.type"])}`,
    );
  return problems;
}

/** Of JSON what it means, not the order of its keys. */
function saysTheSame(attribute: unknown, expected: unknown): boolean {
  return isDeepStrictEqual(meaningOf(attribute), meaningOf(expected));
}

function meaningOf(value: unknown): unknown {
  if (typeof value !== "string" || !/^[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

async function lateProblems(provider: Provider, plain: Outcome): Promise<string[]> {
  if (plain.unsupported["imported before the registration"] !== undefined) return [];
  const only = provider.searches ? SEARCH_SAMPLES : SAMPLES;
  const traced = await run(provider, "late", true, { only });
  return [...only.flatMap((name) => compare(provider, name, plain, traced)), ...traced.problems];
}

/** The second copy lies where the process was started, as a dependency's own lies beside it. */
async function copiesProblems(provider: Provider, plain: Outcome): Promise<string[]> {
  if (provider.searches || plain.unsupported["two copies of the SDK"] !== undefined) return [];
  await using copy = await folderWithCopy(provider.package, packagesOf(provider));
  const traced = await run(provider, "copies", true, { cwd: copy.folder, only: SAMPLES });
  const problems = [...traced.problems];
  for (const name of SAMPLES) {
    const calls = callsOf(name, traced.spans).filter((span) => isCall(provider, span));
    const expected = { ...provider.every, ...provider.calls[name]?.[0] };
    if (calls.length !== 2) problems.push(`${calls.length} spans of two copies`);
    problems.push(...calls.flatMap((span) => attributeProblems(span, expected)));
    if (!isDeepStrictEqual(traced.seen[name], [plain.seen[name], plain.seen[name]]))
      problems.push(`the service saw ${show(traced.seen[name])}`);
  }
  return problems;
}

function show(value: unknown): string {
  if (typeof value === "symbol") return String(value);
  return JSON.stringify(value) ?? "nothing";
}
