import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readPairwise } from "./pairwise.ts";

const first = { status: "ok", preferred: "first" };
const second = { status: "ok", preferred: "second" };
const abstain = { status: "abstain" };
const unclear = { status: "failed", failure: "parse" };
const truncated = { status: "failed", failure: "truncated" };

test.each([
  ["nothing but the name", "Output (a)", first],
  ["the name, emphasised", " **Output (b)**.\n", second],
  ["a sentence", "Output (b) is better.", second],
  ["reasons around it", "Both are polite. I prefer output  (A): it is shorter.", first],
  ["a comparison", "Output (a) is much better than Output (b).", first],
  ["the other way about", "The better output is **Output (b)**.", second],
  ["a last line", "Output (a) is vague.\n\nFinal verdict: Output (b)", second],
  ["a tie", "Therefore, both outputs are equally good.", abstain],
  ["neither", "Neither Output (a) nor Output (b) follows the instruction.", abstain],
  ["not preferred", "I would not choose Output (a). It is off-topic.", unclear],
  ["said of both", "Output (a) is better at first. Overall, Output (b) is better.", unclear],
  ["a quotation", 'Output (b) says "Output (b) is better", which is no reason.', unclear],
  ["an echo of the prompt", "# Output (a) is better.", unclear],
  ["another name", "Output (abc) is better.", unclear],
  ["nothing", "", unclear],
  ["cut off after it", "Output (a) is better. Its words are", truncated],
  ["cut off before it", "Therefore, Output (b)", truncated],
])("%s", (_, text, verdict) => {
  expect(readPairwise(text)).toMatchObject(verdict);
});

test("other names", () => {
  expect(readPairwise("Answer 2 is better.", ["Answer 1", "Answer 2"])).toEqual(second);
  expect(readPairwise("[[A]]", ["[[A]]", "[[B]]"])).toEqual(first);
});

const CORPUS = new URL("../../../../shared/data/judges/llmbar_parser_corpus.json", import.meta.url);

interface Row {
  judge: string;
  order: "original" | "swapped";
  completion: string;
  winner: "1" | "2" | null;
}

describe.skipIf(!existsSync(CORPUS))("known answer 28: 366 recorded answers", () => {
  const rows = existsSync(CORPUS)
    ? (JSON.parse(readFileSync(CORPUS, "utf8")) as { rows: Row[] }).rows
    : [];
  /** The judge saw them in this order. */
  const winner = ({ order, completion }: Row): string | undefined => {
    const verdict = readPairwise(completion);
    if (verdict.status !== "ok") return undefined;
    return (verdict.preferred === "first") === (order === "original") ? "1" : "2";
  };

  test("134 decide nothing: never a verdict", () => {
    const undecided = rows.filter((row) => row.winner === null);
    expect(undecided).toHaveLength(134);
    expect(undecided.filter((row) => winner(row) !== undefined)).toEqual([]);
  });

  test("of 232 others all but two as recorded, and those two say the opposite of their record", () => {
    const decided = rows.filter((row) => row.winner !== null);
    expect(decided).toHaveLength(232);
    const others = decided.filter((row) => winner(row) !== row.winner);
    expect(others.map(({ judge }) => judge)).toEqual(["PaLM2/CoT", "PaLM2/CoT"]);
    for (const { order, completion, winner: recorded } of others) {
      expect(completion).toMatch(/^Output \(b\) is better\./);
      expect({ order, recorded }).toEqual({ order: "swapped", recorded: "2" });
    }
  });
});
