/** Against labels and verdicts that others recorded: LLMBar, PandaLM, Dawid and Skene's patients. Skipped where they are not. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { cohenKappa, confusionMatrix, fleissKappa, krippendorffAlpha } from "./agreement.ts";
import { dawidSkene } from "./dawid-skene.ts";
import { weightedEnsemble } from "./ensemble.ts";
import { mcnemar } from "./mcnemar.ts";
import { predictionPowered } from "./ppi.ts";

const FOLDER = new URL("../../shared/data/judges/", import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, FOLDER), "utf8");

interface Verdicts {
  /** In the original order, and in the swapped one mapped back: 1, 2, T (tie), N (none). */
  F: string;
  S: string;
  published: { acc_F: number; acc_S: number; agree: number };
}
interface Subset {
  n: number;
  labels: string;
  judges: Record<string, Verdicts>;
}

describe.skipIf(!existsSync(FOLDER))("recorded judges", () => {
  const subsets = existsSync(FOLDER)
    ? (JSON.parse(read("llmbar_verdicts.json")) as { subsets: Record<string, Subset> }).subsets
    : {};
  const llmbar = Object.entries(subsets).filter(([name]) => name.startsWith("LLMBar/"));
  const labels = llmbar.map(([, subset]) => subset.labels).join("");
  const pooled = (judge: string, order: "F" | "S"): string =>
    llmbar.map(([, subset]) => subset.judges[judge]![order]).join("");
  const right = (verdicts: string, truth = labels): number =>
    Array.from(verdicts).filter((verdict, i) => verdict === truth[i]).length;
  const kappa = (verdicts: string, truth = labels): number =>
    cohenKappa(confusionMatrix(Array.from(truth), Array.from(verdicts), ["1", "2"]))!.kappa;

  test("5 every published cell of LLMBar", () => {
    let cells = 0;
    for (const { labels: truth, judges } of Object.values(subsets))
      for (const { F, S, published } of Object.values(judges)) {
        cells++;
        expect([right(F, truth), right(S, truth), right(F, S)]).toEqual([
          published.acc_F,
          published.acc_S,
          published.agree,
        ]);
      }
    expect(cells).toBe(349);
  });

  test("5 LLMBar: kappa of the natural pairs, and of all 419", () => {
    const natural = subsets["LLMBar/Natural"]!;
    const { F, S } = natural.judges["GPT-4/Vanilla"]!;
    expect(kappa(F, natural.labels)).toBeCloseTo(0.8977, 4);
    expect(kappa(F, S)).toBeCloseTo(0.8977, 4);
    expect(labels).toHaveLength(419);
    const [first, swapped] = [pooled("GPT-4/Vanilla", "F"), pooled("GPT-4/Vanilla", "S")];
    expect([right(first), right(swapped)]).toEqual([347, 361]);
    expect(right(first, swapped) / 419).toBeCloseTo(0.9284, 4);
    expect(kappa(first)).toBeCloseTo(0.6565, 4);
    expect(kappa(swapped)).toBeCloseTo(0.7231, 4);
    const [weak, weakSwapped] = [pooled("ChatGPT/Vanilla", "F"), pooled("ChatGPT/Vanilla", "S")];
    expect([right(weak), right(weakSwapped)]).toEqual([170, 165]);
    expect(kappa(weak)).toBeCloseTo(-0.1837, 4);
    expect(kappa(weakSwapped)).toBeCloseTo(-0.2194, 4);
  });

  test("6 verdicts that both orders agree on", () => {
    const consistent = (judge: string) => {
      const [one, other] = [pooled(judge, "F"), pooled(judge, "S")];
      const decided = Array.from(one).flatMap((verdict, i) =>
        verdict === other[i] && "12".includes(verdict) ? [verdict === labels[i]] : [],
      );
      return [decided.length, decided.filter(Boolean).length / decided.length] as const;
    };
    const [strong, weak] = [consistent("GPT-4/Vanilla"), consistent("ChatGPT/Vanilla")];
    expect(strong[0]).toBe(389);
    expect(strong[1]).toBeCloseTo(0.8715, 4);
    expect(weak[0]).toBe(276);
    expect(weak[1]).toBeCloseTo(0.3478, 4);
  });

  test("7 McNemar of two judges", () => {
    const [strong, weak] = [pooled("GPT-4/Vanilla", "F"), pooled("ChatGPT/Vanilla", "F")];
    const only = (one: string, other: string): number =>
      Array.from(one).filter((verdict, i) => verdict === labels[i] && other[i] !== labels[i])
        .length;
    expect([only(strong, weak), only(weak, strong)]).toEqual([182, 5]);
    expect(mcnemar(182, 5).p / 1.892e-47).toBeCloseTo(1, 3);
  });

  test("4 PandaLM: three people and a judge", () => {
    const rows = read("pandalm_labels.csv")
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.split(",").slice(1, 5));
    const column = (at: number): string[] => rows.map((row) => row[at]!);
    const classes = ["0", "1", "2"];
    const between = (a: number, b: number): number =>
      cohenKappa(confusionMatrix(column(a), column(b), classes))!.kappa;
    expect(between(0, 1)).toBeCloseTo(0.852023, 6);
    expect(between(0, 2)).toBeCloseTo(0.878944, 6);
    expect(between(1, 2)).toBeCloseTo(0.861661, 6);
    const people = rows.map((row) => row.slice(0, 3));
    const counts = people.map((votes) =>
      classes.map((label) => votes.filter((vote) => vote === label).length),
    );
    expect(fleissKappa(counts)).toBeCloseTo(0.864175, 6);
    expect(
      krippendorffAlpha(
        people.map((votes) => votes.map(Number)),
        "nominal",
      ),
    ).toBeCloseTo(0.864221, 6);
    const majority = counts.map((row) => classes[row.indexOf(Math.max(...row))]!);
    const decided = counts.map((row) => Math.max(...row) > 1);
    const judged = column(3).map((verdict) => (verdict === "tie" ? "0" : verdict));
    const pick = (values: readonly string[]): string[] => values.filter((__, i) => decided[i]);
    const all = confusionMatrix(pick(majority), pick(judged), [...classes, "garbage"]);
    expect(cohenKappa(all)!.kappa).toBeCloseTo(0.475508, 6);
  });

  test("9 Dawid and Skene's patients", () => {
    const { responses } = JSON.parse(read("dawid_skene_1979.json")) as {
      responses: Record<string, Record<string, number[]>>;
    };
    const patients = Object.keys(responses).toSorted((a, b) => Number(a) - Number(b));
    const answers = patients.map((patient) =>
      ["1", "2", "3", "4", "5"].map((observer) =>
        (responses[patient]![observer] ?? []).map((answer) => answer - 1),
      ),
    );
    const { logLikelihood, marginals, posteriors } = dawidSkene(answers, 4);
    expect(logLikelihood).toBeCloseTo(-192.890881, 4);
    [0.3996, 0.422, 0.1118, 0.0667].forEach((share, k) =>
      expect(marginals[k]).toBeCloseTo(share, 4),
    );
    const third = posteriors[2]!;
    expect(third.indexOf(Math.max(...third)) + 1).toBe(2);
  });

  const FIVE = ["GPT-4", "ChatGPT", "LLaMA2", "PaLM2", "Falcon"];
  const five = FIVE.map((name) =>
    llmbar.length > 0
      ? Object.keys(llmbar[0]![1].judges).find((judge) => judge === `${name}/Vanilla`)
      : undefined,
  );

  test("9 five judges that share a bias: consensus is worse than the best of them", () => {
    const votes = five.map((judge) => pooled(judge!, "F"));
    const answers = Array.from(labels).map((__, item) =>
      votes.map((verdicts) => ("12".includes(verdicts[item]!) ? [Number(verdicts[item]) - 1] : [])),
    );
    const { posteriors } = dawidSkene(answers, 2);
    const consensus = posteriors.map(([one, two]) => (one! >= two! ? "1" : "2")).join("");
    expect(right(consensus) / 419).toBeCloseTo(0.48687, 5);
    const majority = answers
      .map((item) =>
        item.flat().filter((answer) => answer === 0).length * 2 > item.flat().length ? "1" : "2",
      )
      .join("");
    expect(right(majority) / 419).toBeCloseTo(0.58711, 5);
    expect(right(consensus)).toBeLessThan(Math.max(...votes.map((verdicts) => right(verdicts))));
  });

  test("10 five judges weighed by 100 labels", () => {
    const votes = five.map((judge) => pooled(judge!, "F"));
    const answersOf = (item: number): string[] => votes.map((verdicts) => verdicts[item]!);
    const items = Array.from(labels).map((__, item) => item);
    const gold = items.filter((item) => (item * 7919) % 419 < 100);
    const rest = items.filter((item) => (item * 7919) % 419 >= 100);
    const ensemble = weightedEnsemble(
      gold.map(answersOf),
      gold.map((item) => labels[item]!),
      ["1", "2"],
    );
    const hits = rest.filter((item) => ensemble.verdict(answersOf(item)).label === labels[item]);
    expect(hits.length / rest.length).toBeCloseTo(0.84013, 5);
  });

  test("12 a few labels and many verdicts", () => {
    const truth = Array.from(labels).map((label) => (label === "1" ? 1 : 0));
    const isLabelled = (i: number): boolean => (i * 7919) % 419 < 100;
    const of = (judge: string) => {
      const judged = Array.from(pooled(judge, "F")).map((verdict) => (verdict === "1" ? 1 : 0));
      return {
        labels: truth.filter((__, i) => isLabelled(i)),
        judged: judged.filter((__, i) => isLabelled(i)),
        unlabelled: judged.filter((__, i) => !isLabelled(i)),
      };
    };
    const deaf = predictionPowered(of("ChatGPT/Vanilla"));
    expect(deaf).toMatchObject({ lambda: 0 });
    expect(deaf.mean).toBeCloseTo(0.48, 6);
    expect(deaf.standardError).toBeCloseTo(0.050212, 6);
    const heard = predictionPowered(of("GPT-4/Metrics_Reference"));
    expect(heard.lambda).toBeCloseTo(0.510003, 6);
    expect(heard.mean).toBeCloseTo(0.479888, 6);
    expect(heard.standardError).toBeCloseTo(0.040905, 6);
    const believed = predictionPowered(of("ChatGPT/Vanilla"), { lambda: 1 });
    expect(believed.mean).toBeCloseTo(0.44442, 6);
    expect(believed.standardError).toBeCloseTo(0.082563, 6);
  });
});
