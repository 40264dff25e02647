/** `assay judge …` over real HTTP against a provider that does what the test says. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runJudgeCommand } from "./command.ts";
import type { ComparisonReport } from "./offline/comparison.ts";
import { startJudgeServer, type JudgeReply, type JudgeRequest, type JudgeServer } from "./testing/judge-server.ts"; // prettier-ignore

let dir: string;
let server: JudgeServer;
let reply: (request: JudgeRequest) => JudgeReply;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "assay-judge-command-"));
  server = await startJudgeServer((request) => reply(request));
  await writeFile(
    join(dir, "judge.yaml"),
    `providers: { main: { base_url: "${server.url}" } }
judges:
  - { metric: professionalism, provider: main, model: gpt-4o-mini }
  - { metric: professionalism, provider: main, model: gpt-4o, role: strong, chain_of_thought: false }
  - { metric: faithfulness, provider: main, model: gpt-4o-mini }
profiles:
  - { weights: { professionalism: 0.5, faithfulness: 0.5 }, without_model: [token_f1] }
`,
  );
});
afterAll(async () => {
  await server.close();
  await rm(dir, { recursive: true });
});

interface Ran {
  printed: string[];
  noted: string[];
}

async function run(...args: string[]): Promise<Ran> {
  const ran: Ran = { printed: [], noted: [] };
  await runJudgeCommand(args, {
    configFile: join(dir, "judge.yaml"),
    env: {},
    connect: () => Promise.reject(new Error("no store")),
    // As console.log would have it.
    print: (...words) => void ran.printed.push(words.join(" ")),
    note: (line) => void ran.noted.push(line),
    pauseMs: () => 1,
  });
  return ran;
}

async function recordsFile(records: readonly object[]): Promise<string> {
  const path = join(dir, "records.jsonl");
  await writeFile(path, records.map((record) => JSON.stringify(record)).join("\n"));
  return path;
}

test("test: one call a judge, and what came back", async () => {
  reply = () => ({ score: 4 });
  const before = server.requests.length;
  const { printed } = await run("test");
  expect(server.requests.length - before).toBe(3);
  expect(printed.find((line) => line.startsWith("professionalism/strong"))).toMatch(
    /gpt-4o at main, hash [0-9a-f]{8}/,
  );
  expect(printed.filter((line) => line.includes("score 4: Because."))).toHaveLength(3);
  expect(printed.at(-1)).toBe("All 3 judges answered with a score.");
});

test("test: a wrong key ends it with the provider's words, and does not wait", async () => {
  reply = ({ metric }) =>
    metric === "faithfulness"
      ? { score: 2 }
      : { status: 401, error: { code: "invalid_api_key", message: "bad key" } };
  const printed: string[] = [];
  const failing = runJudgeCommand(["test"], {
    configFile: join(dir, "judge.yaml"),
    env: {},
    connect: () => Promise.reject(new Error("no store")),
    print: (...words) => void printed.push(words.join(" ")),
    pauseMs: () => 1,
  });
  await expect(failing).rejects.toThrow("2 of 3 judges gave no score");
  expect(printed.filter((line) => line.includes("denied: 401 bad key"))).toHaveLength(2);
});

test("run: a line a record, with the weighted score; a failure is none", async () => {
  reply = ({ metric, data }) =>
    data.answer === "broken" && metric === "professionalism"
      ? { text: "no" }
      : { score: metric === "professionalism" ? 5 : 3 };
  const file = await recordsFile([
    { id: "a", question: "q1", answer: "fine", context: ["c"], reference: "fine" },
    { id: "b", question: "q2", answer: "fine" },
    { id: "c", question: "q3", answer: "broken", context: ["c"] },
  ]);
  const { printed, noted } = await run("run", file);
  const lines = new Map(
    printed.map((line) => {
      const one = JSON.parse(line) as { id: string };
      return [one.id, one];
    }),
  );
  expect(lines.get("a")).toMatchObject({
    composite: 0.75,
    scores: { professionalism: { score: 5, norm: 1 }, faithfulness: { score: 3, norm: 0.5 } },
    without_model: { token_f1: 1 },
  });
  expect(lines.get("b")).toMatchObject({
    composite: 1,
    scores: { faithfulness: { status: "not_applicable", why: "no_context" } },
  });
  expect(lines.get("c")).toMatchObject({
    composite: null,
    scores: { professionalism: { status: "failed", why: "parse: expected a JSON object" } },
  });
  expect(noted.at(-1)).toMatch(/^1 of 6 judgements failed; \$0\.0/);
});

/** The first judge says what people say but in each tenth; the strong one always says 3; people's scores repeat 1 to 5. */
function scripted(n: number): object[] {
  reply = ({ data, system }) => {
    const at = Number(data.answer!.split(" ")[0]);
    if (!system.includes("in at most five sentences")) return { score: 3 };
    const people = 1 + (at % 5);
    return { score: at % 10 === 0 ? 5 : people };
  };
  return Array.from({ length: n }, (_, at) => ({
    answer: `${at} ${"x".repeat((at * 7) % 13)}`,
    scores: { professionalism: 1 + (at % 5) },
  }));
}

test("compare: against people, each other and judges that look at nothing; as JSON", async () => {
  const file = await recordsFile(scripted(120));
  const { printed, noted } = await run("compare", file, "--metric", "professionalism", "--json");
  const report = JSON.parse(printed.join("\n")) as ComparisonReport;
  expect(noted[0]).toBe("120 records by 2 judges: 240 calls or more");
  expect(report).toMatchObject({ records: 120, labelled: 120, levels: 5 });
  const [cheap, strong, best] = report.judges;
  expect(cheap).toMatchObject({ name: "cheap", ok: 120, failed: 0, meanScore: 3.4 });
  // 12 of 120 say 5 where people say 1.
  expect(cheap!.people!.comparison.exact!.value).toBeCloseTo(0.9, 12);
  expect(cheap!.people!.sensitivity!.value).toBe(1);
  expect(cheap!.people!.specificity!.value).toBeCloseTo(60 / 72, 12);
  expect(strong!.people!.comparison.kappaQuadratic!.value).toBeCloseTo(0, 12);
  expect(best!.people!.comparison).toMatchObject({ bias: { value: 2 } });
  expect(cheap!.usdPerThousand!).toBeGreaterThan(0);
  expect(strong!.usdPerThousand!).toBeGreaterThan(cheap!.usdPerThousand!);
  expect(report.pairs).toHaveLength(10);
  // What the weights are learned on says that 5 of the first is mostly right.
  expect(report.ensemble).toMatchObject({ labels: 120, best: "cheap", bestAccuracy: 0.9 });
  expect(report.ensemble!.accuracy).toBeGreaterThanOrEqual(0.9);
});

test("compare: what people would give all records, from their scores of a part; the judges' consensus is no truth", async () => {
  const all = scripted(160) as { answer: string; scores: object }[];
  const records = all.map((record, at) => (at < 120 ? record : { answer: record.answer }));
  const { printed } = await run("compare", await recordsFile(records), "--metric", "professionalism"); // prettier-ignore
  const text = printed.join("\n");
  // The first judge's mean of 3.4 is 0.4 too high; its weight, which is what the scores spread alike, puts that right.
  expect(text).toMatch(/^Of all records people would give (2\.9|3\.0)\d \(2\.\d\d to 3\.\d\d\), going by cheap with the weight 0\.\d\d/m);
  expect(text).toMatch(/what they agree on without people's scores \(Dawid and Skene\) \d+\.\d %/);
}); // prettier-ignore

test("compare: as text, of the judges asked for, and of another file's", async () => {
  const file = await recordsFile(scripted(20));
  const other = join(dir, "other.yaml");
  await writeFile(
    other,
    `providers: { main: { base_url: "${server.url}" } }
judges: [{ metric: professionalism, provider: main, model: small }]
profiles: [{ weights: { professionalism: 1 } }]
`,
  );
  const judges = "cheap,other:cheap,length";
  const { printed } = await run("compare", file, "--metric", "professionalism", "--with", other, "--judges", judges); // prettier-ignore
  const text = printed.join("\n");
  expect(text).toMatch(/^cheap +gpt-4o-mini +20 +0\.0 %/m);
  expect(text).toMatch(/^other:cheap +small +20 .*not known/m);
  expect(text).toMatch(/cheap +20 +0\.90 \(0\.\d\d to 0\.\d\d\)/);
  expect(text).toMatch(/cheap and other:cheap: Correlation 1\.00/);
  expect(text).toContain("Fewer than 30 records say little.");
});

test("pairs: which answer is better, in both orders, and how far that is what people say", async () => {
  reply = (request) => {
    const data = request.data as Record<string, string>;
    if (data["Answer A"] === "placed") return { fields: { reasoning: "A.", better: "A" } };
    if (data["Answer B"] === "placed") return { fields: { reasoning: "A.", better: "A" } };
    return { fields: { reasoning: "Good.", better: data["Answer A"] === "good" ? "A" : "B" } };
  };
  const file = await recordsFile([
    { id: "a", question: "q", first: "good", second: "bad", better: "first" },
    { id: "b", first: "bad", second: "good", better: "first" },
    { id: "c", first: "placed", second: "other", better: "tie" },
  ]);
  const { printed, noted } = await run("pairs", file, "--metric", "professionalism");
  const lines = Object.fromEntries(
    printed.map((line) => {
      const { id, ...rest } = JSON.parse(line) as { id: string };
      return [id, rest];
    }),
  );
  expect(lines).toEqual({
    a: { status: "ok", better: "first", reasoning: "Good.", cost_usd: expect.any(Number) as number },
    b: { status: "ok", better: "second", reasoning: "Good.", cost_usd: expect.any(Number) as number },
    c: { status: "ok", better: "tie", reasoning: "A.", follows_place: true, cost_usd: expect.any(Number) as number },
  }); // prettier-ignore
  expect(noted.slice(1)).toEqual([
    "first better 1, second 1, neither 1; without a verdict 0",
    "the verdict followed the place in 1 of 3: 33 % (6 % to 79 %)",
    expect.stringMatching(/^as people say in 2 of 3: 67 % \(21 % to 94 %\); kappa 0\.50/),
  ]);
});

test.each([
  [["pairs", "f", "--metric", "kindness"], 'name one of professionalism cheap, professionalism strong, faithfulness cheap, got "kindness cheap"'], // prettier-ignore
  [["compare", "f"], "expected --metric"],
  [["compare", "--metric", "professionalism"], "either a file of records or --from"],
  [["compare", "f", "--metric", "professionalism", "--judges", "cheap"], "another judge or dummy"],
  [["compare", "f", "--metric", "professionalism", "--judges", "x,length"], 'some of cheap, strong, always-best, length, random, got "x"'], // prettier-ignore
  [["run", "/nowhere"], 'cannot read "/nowhere"'],
  [["run"], "expected:"],
  [["test", "--wrong"], "--wrong"],
  [["test", "--config", "/nowhere"], 'cannot read "/nowhere"'],
])("%j is refused with what was expected", async (args, message) => {
  await expect(run(...args)).rejects.toThrow(message);
});
