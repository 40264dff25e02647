/** From spans over OTLP to scores on the API: the real collector, engine and query API, and a judge that does as told. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startJudgeServer } from "../../collector/judge/testing/judge-server.ts";
import { startHttpDestination } from "../../collector/forward/testing/destinations.ts";
import { metricsOf } from "../faults/metrics.ts";
import { assayEnv, removeData, startAssay, until, type RunningAssay } from "../processes.ts";

const text = (role: string, content: string): string =>
  JSON.stringify([{ role, parts: [{ type: "text", content }] }]);
const string = (key: string, value: string): object => ({ key, value: { stringValue: value } });

/** A retrieval and the answer that came of it. */
function trace(n: number, answer: string): object {
  const traceId = n.toString(16).padStart(32, "0");
  const at = BigInt(Date.now()) * 1_000_000n;
  const span = (id: number, attributes: object[]): object => ({
    traceId,
    spanId: (n * 10 + id).toString(16).padStart(16, "0"),
    name: "span",
    startTimeUnixNano: String(at),
    endTimeUnixNano: String(at + BigInt(id) * 1_000_000n),
    attributes,
  });
  const documents = JSON.stringify([{ id: "d", content: "Labels can be cancelled for 14 days." }]);
  return {
    scopeSpans: [
      {
        spans: [
          span(1, [
            string("gen_ai.operation.name", "retrieval"),
            string("gen_ai.retrieval.documents", documents),
          ]),
          span(2, [
            string("gen_ai.operation.name", "chat"),
            string("gen_ai.provider.name", "openai"),
            string("gen_ai.request.model", "gpt-4o"),
            string("gen_ai.input.messages", text("user", "How long can I cancel?")),
            string("gen_ai.output.messages", text("assistant", answer)),
            string("assay.reference", "14 days."),
          ]),
        ],
      },
    ],
  };
}

test("spans of a service are sampled, judged and weighed, and the score is on the API", async () => {
  const dir = await mkdtemp(join(tmpdir(), "assay-judging-"));
  const judge = await startJudgeServer(({ metric, data }) => {
    if (metric === "professionalism") return { score: 3 };
    return { score: data.answer === "14 days." ? 5 : 1 };
  });
  const file = join(dir, "judge.yaml");
  await writeFile(
    file,
    `providers: { main: { base_url: "${judge.url}" } }
judges:
  - { metric: answer_correctness, provider: main, model: gpt-4o-mini }
  - { metric: faithfulness, provider: main, model: gpt-4o-mini }
  - { metric: professionalism, provider: main, model: gpt-4o-mini }
profiles:
  - weights: { answer_correctness: 0.6, faithfulness: 0.2, professionalism: 0.2 }
    sampling: { rest: 1 }
settle_seconds: 1
`,
  );
  const elsewhere = await startHttpDestination();
  const forward = join(dir, "forward.yaml");
  await writeFile(forward, `destinations: [{ name: elsewhere, endpoint: "${elsewhere.url}" }]`);
  const env = { ...(await assayEnv()), ASSAY_JUDGE: file, ASSAY_FORWARD: forward };
  const assay = await startAssay("start", env);
  try {
    // Only what comes after its first start is judged.
    await until(
      () => metricsOf(assay),
      (metrics) => metrics.has("assay_judge_composites_total"),
      30_000,
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    const response = await fetch(`${assay.otlp}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ resourceSpans: [trace(1, "14 days."), trace(2, "For ever.")] }),
    });
    expect(response.status).toBe(200);
    const metrics = await until(
      () => metricsOf(assay),
      (found) => found.get("assay_judge_composites_total") === 2,
      40_000,
    );
    expect(metrics.get('assay_judge_judgements_total{status="ok"}')).toBe(6);
    const request = judge.requests.find(({ metric }) => metric === "faithfulness")!;
    expect(request.data.context).toEqual(["Labels can be cancelled for 14 days."]);
    const quality = await fetch(`${assay.api}/api/v1/quality?from=now-1h&to=now`);
    const { rows } = (await quality.json()) as {
      rows: { metric: string; mean: number; n: number }[];
    };
    const means = Object.fromEntries(rows.map(({ metric, mean }) => [metric, mean]));
    expect(means).toEqual({
      answer_correctness: 0.5,
      // 0.6 + 0.2 + 0.1 of the right one, 0.1 of the other.
      composite: expect.closeTo(0.5, 12) as number,
      faithfulness: 0.5,
      professionalism: 0.5,
    });
    // Each score goes to where spans are forwarded, as the event of its span.
    const events = await until(
      () => Promise.resolve(elsewhere.got.filter(({ path }) => path === "/v1/logs")),
      (found) => found.length === 8,
    );
    for (const said of ["gen_ai.evaluation.result", "professionalism", "Because."])
      expect(
        events.some(({ body }) => body.includes(said)),
        said,
      ).toBe(true);
    await changes(file, assay);
  } finally {
    await assay.stop();
    await judge.close();
    await elsewhere.stop();
    await removeData(env);
    await rm(dir, { recursive: true });
  }
});

/** The file changed while running: with a problem it is refused and said, without one it is taken up. */
async function changes(file: string, assay: RunningAssay): Promise<void> {
  const before = await readFile(file, "utf8");
  const reloads = (result: string) => `assay_judge_config_reloads_total{result="${result}"}`;
  await writeFile(file, before.replaceAll("professionalism", "kindness"));
  await until(
    () => metricsOf(assay),
    (metrics) => metrics.get(reloads("refused")) === 1,
  );
  expect(assay.output()).toContain('got "kindness"');
  await writeFile(file, `${before}usd_per_day: 5\n`);
  await until(
    () => metricsOf(assay),
    (metrics) => metrics.get(reloads("taken")) === 1,
  );
}

test("a file with problems names them all, and nothing starts", async () => {
  const dir = await mkdtemp(join(tmpdir(), "assay-judging-"));
  const file = join(dir, "judge.yaml");
  await writeFile(
    file,
    "providers: {}\njudges: [{ metric: kindness, provider: x, model: m }]\nprofiles: []\n",
  );
  const env = { ...(await assayEnv()), ASSAY_JUDGE: file };
  try {
    await expect(startAssay("collector", env)).rejects.toThrow(/profiles/);
  } finally {
    await removeData(env);
    await rm(dir, { recursive: true });
  }
});
