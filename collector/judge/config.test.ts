import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseJudgeConfig } from "./config.ts";
import { loadMetrics, parseMetric } from "./metric.ts";
import { priceOf } from "./providers.ts";

const minimal = (more = "", judge = "") => `
providers: { main: { base_url: { env: URL }, api_key: { env: KEY } } }
judges: [{ metric: faithfulness, provider: main, model: gpt-4o-mini${judge} }]
profiles: [{ weights: { faithfulness: 1 } }]
${more}`;
const env = { URL: "http://127.0.0.1:1/v1", KEY: "k" };
const parse = (text: string, variables: NodeJS.ProcessEnv = env) =>
  parseJudgeConfig(text, variables, "judge.yaml");

test("what is not said has its default", () => {
  const { profiles, providers, settleMs, usdPerDay } = parse(minimal());
  expect(providers).toEqual([
    {
      name: "main",
      kind: "openai",
      baseUrl: "http://127.0.0.1:1/v1",
      apiKey: "k",
      maxInFlight: 16,
    },
  ]);
  expect(profiles[0]).toMatchObject({ rest: 0.1, minimum: 0.001, missing: "require", strata: [] });
  expect(profiles[0]!.judges.get("faithfulness")).toMatchObject({
    temperature: 0.1,
    role: "cheap",
  });
  expect([settleMs, usdPerDay]).toEqual([300_000, undefined]);
});

test("every problem is named at once, and no secret", () => {
  const text = `
providers: { main: { base_url: { env: URL }, api_key: { env: MISSING } } }
judges:
  - { metric: kindness, provider: main, model: m }
  - { metric: faithfulness, provider: other, model: m }
  - { metric: professionalism, provider: main, model: m, examples: [{ answer: a, reasoning: r, score: 9 }] }
profiles:
  - weights: { relevance: 1 }
    sampling: { minimum: 0.5, strata: [{ name: s, when: {}, probability: 0.1 }] }
usd_per_day: 1`;
  let message = "";
  try {
    parse(text);
  } catch (error) {
    message = (error as Error).message;
  }
  for (const part of [
    "providers.main.api_key: MISSING is not set",
    "judges.0.metric: expected one of answer_correctness",
    'judges.1.provider: expected one of main, got "other"',
    'judges.2.examples.0.score: expected 1 to 5, got "9"',
    "judges.2: expected usd_per_million_tokens",
    'profiles.0: "relevance" has no judge',
    "profiles.0.sampling.strata.0.probability: expected at least the minimum 0.5",
  ])
    expect(message).toContain(part);
  expect(message).toMatch(/^7 problems in judge.yaml/);
});

test("strategies that do not go together are named", () => {
  const text = `
providers: { main: { base_url: { env: URL } } }
judges:
  - { metric: professionalism, provider: main, model: m, claims: true, samples: 3, escalate: {} }
  - { metric: context_recall, provider: main, model: m, logprobs: true }
  - { metric: faithfulness, provider: main, model: m, examples: [{ answer: a, reasoning: r, score: 1 }] }
profiles: [{ weights: { professionalism: 1 } }]`;
  for (const part of [
    'judges.0.claims: expected a metric whose file has "## Claims", got "professionalism"',
    "judges.0.samples: expected a temperature of at least 0.7",
    "judges.1.logprobs: expected a judge that answers with one score",
    "judges.2.examples.0.context: expected it, because the metric needs it",
    'profiles.0: "professionalism" escalates and has no strong judge',
  ])
    expect(() => parse(text)).toThrow(part);
});

test("hashes of judges that use nothing new are what they always were", () => {
  const file = minimal().replace("gpt-4o-mini", "m");
  expect(parse(file).profiles[0]!.judges.get("faithfulness")!.hash).toBe(
    "303618116207cddc3559ab938dc55951",
  );
});

test("fields of the wrong kind and unknown ones are named by their place", () => {
  expect(() => parse(minimal("settle_second: 5"))).toThrow(/settle_second/);
  expect(() => parse(minimal("", ", temperature: 9"))).toThrow(/judges.0.temperature/);
  expect(() => parse("providers: [")).toThrow(/judge.yaml/);
});

test("the hash follows what decides, and nothing else", () => {
  const hashOf = (text: string, variables = env) =>
    parse(text, variables).profiles[0]!.judges.get("faithfulness")!.hash;
  const hash = hashOf(minimal());
  expect(hash).toMatch(/^[0-9a-f]{32}$/);
  expect(hashOf(minimal(), { URL: "http://other/v1", KEY: "other" })).toBe(hash);
  expect(hashOf(minimal("", ", timeout_ms: 500, role: strong, samples: 1, claims: false"))).toBe(
    hash,
  );
  for (const judge of [
    ", temperature: 0",
    ", seed: 1",
    ", max_tokens: 300",
    ", chain_of_thought: false",
    ", logprobs: true",
    ", steps: false",
    ", claims: true",
    ", reference_guided: true",
    ", samples: 3, temperature: 1",
    ", on_injection: exclude",
    ", examples: [{ answer: a, context: [c], reasoning: r, score: 2 }]",
  ])
    expect(hashOf(minimal("", judge)), judge).not.toBe(hash);
  expect(hashOf(minimal().replace("gpt-4o-mini", "gpt-4o"))).not.toBe(hash);
  const examples = ["a", "b"].map(
    (answer) => `{ answer: ${answer}, context: [c], reasoning: r, score: 2 }`,
  );
  const inOrder = hashOf(minimal("", `, examples: [${examples.join()}]`));
  expect(hashOf(minimal("", `, examples: [${examples.toReversed().join()}]`))).not.toBe(inOrder);
});

test("line ends and the order of a prompt file's head change nothing; a score's meaning does", () => {
  const file = new URL("prompts/faithfulness.md", import.meta.url);
  const text = readFileSync(file, "utf8");
  const metric = parseMetric(text, "f.md");
  expect(parseMetric(text.replaceAll("\n", "\r\n"), "f.md")).toEqual(metric);
  expect(metric).toMatchObject({ metric: "faithfulness", needs: ["answer", "context"] });
  expect(metric.scores).toHaveLength(5);
  expect(parseMetric(text.replace("About half", "Half"), "f.md").scores).not.toEqual(metric.scores);
  expect(() => parseMetric("no head", "f.md")).toThrow("f.md: expected a head");
  expect(() => parseMetric(text.replace("2: ", "7: "), "f.md")).toThrow("## Scores");
});

test("every shipped metric can be read, and what takes another's place is there", () => {
  const metrics = loadMetrics();
  expect(metrics.size).toBeGreaterThanOrEqual(7);
  for (const { instead } of metrics.values()) if (instead) expect(metrics.has(instead)).toBe(true);
});

test("the example's file, with its golden set", () => {
  const path = new URL("../../examples/rag/judge.yaml", import.meta.url).pathname;
  const variables = { JUDGE_BASE_URL: "http://127.0.0.1:1", JUDGE_API_KEY: "k", JUDGE_MODEL: "m" };
  const { golden, profiles } = parseJudgeConfig(readFileSync(path, "utf8"), variables, path);
  expect(golden.get("how long can i cancel a label?")).toContain("14 days");
  expect([...profiles[0]!.judges.keys()]).toContain("answer_plausibility");
});

test("prices of one's own count for judges too", () => {
  const dir = mkdtempSync(join(tmpdir(), "assay-judge-prices-"));
  const file = join(dir, "prices.yaml");
  writeFileSync(file, "prices: [{ model: house-model, usd_per_million: { input: 3, output: 9 } }]");
  const text = minimal("usd_per_day: 1").replace("gpt-4o-mini", "house-model");
  expect(() => parse(text)).toThrow("nothing is known of the price");
  const { judges } = parse(text, { ...env, ASSAY_PRICES: file });
  rmSync(dir, { recursive: true });
  const usage = { inputTokens: 1_000_000, outputTokens: 100_000 };
  expect(Number(priceOf(judges[0]!, usage, Date.now())) / 1e12).toBeCloseTo(3.9, 12);
});

test("reserves: one a stratum, less than all, and of something", () => {
  const withStrata = (strata: string, more: string) =>
    parse(`
providers: { main: { base_url: "http://127.0.0.1:1/v1" } }
judges: [{ metric: faithfulness, provider: main, model: gpt-4o-mini }]
profiles:
  - weights: { faithfulness: 1 }
    sampling: { strata: [${strata}] }
${more}`);
  const stratum = (name: string, reserve: number) =>
    `{ name: ${name}, when: { status: error }, probability: 1, reserve: ${reserve} }`;
  const { reserves, usdPerMonth } = withStrata(stratum("failed", 0.3), "usd_per_month: 400");
  expect([[...reserves], usdPerMonth]).toEqual([[["failed", 0.3]], 400]);
  expect(() => withStrata(stratum("failed", 0.3), "")).toThrow(
    "expected usd_per_day or usd_per_month",
  );
  expect(() => withStrata(`${stratum("a", 0.6)}, ${stratum("b", 0.5)}`, "usd_per_day: 1")).toThrow(
    'less than 1 together, got "1.1"',
  );
});
