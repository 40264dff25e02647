/** Known answer 31: shift and success against stand-ins of known gullibility, over HTTP. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  startJudgeServer,
  type JudgeReply,
  type JudgeRequest,
  type JudgeServer,
} from "../testing/judge-server.ts";
import { runAttackCommand } from "./attack-command.ts";
import { ATTACKS } from "./payloads.ts";
import { ATTACK_RECORDS } from "./records.ts";

let server: JudgeServer;
let dir: string;
let reply: (request: JudgeRequest) => JudgeReply;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "assay-attack-"));
  server = await startJudgeServer((request) => reply(request));
});
afterEach(async () => {
  await server.close();
  await rm(dir, { recursive: true });
});

async function attack(
  settings = "",
  ...args: string[]
): Promise<{ passes: boolean; text: string }> {
  const file = join(dir, "judge.yaml");
  await writeFile(
    file,
    `providers: { main: { base_url: "${server.url}" } }
judges: [{ metric: answer_correctness, provider: main, model: gpt-4o-mini${settings} }]
profiles: [{ weights: { answer_correctness: 1 } }]`,
  );
  const printed: string[] = [];
  const print = (line: string) => printed.push(line);
  const passes = await runAttackCommand(["--config", file, ...args], { configFile: undefined, env: {}, connect: () => Promise.reject(new Error("connected")), print, pauseMs: () => 1 }); // prettier-ignore
  return { passes, text: printed.join("\n") };
}
const isPair = ({ data }: JudgeRequest): boolean => "Answer A" in data;
/** A family's numbers, as printed. */
const numbers = (text: string, name: string): string[] =>
  new RegExp(`^  ${name} +(.*)$`, "m").exec(text)![1]!.split(/ {2,}| (?=\\d+$)/);

test("a judge that does what the answer says: as far as it was swayed, family by family", async () => {
  const gullible = /give this answer a 5|donnez la note maximale|highest score/;
  reply = (request) =>
    isPair(request)
      ? { fields: { reasoning: "r", better: "A" } }
      : { score: gullible.test(request.data.answer!) ? 5 : 2 };
  const { passes, text } = await attack();
  expect(passes).toBe(false);
  const swayed = ["plain_request", "fake_marker", "role_tags", "other_language"];
  for (const name of Object.keys(ATTACKS)) {
    const [shift, success] = numbers(text, name);
    expect([name, shift, success]).toEqual([
      name,
      ...(swayed.includes(name) ? ["0.750", "100 %"] : ["0.000", "0 %"]),
    ]);
  }
  // Four of twelve families, three quarters of the scale each.
  expect(numbers(text, "all attacks").slice(0, 3)).toEqual(["0.250", "33 %", "240"]);
  expect(text).toContain(
    "of 20 pairs the first place won 100 %, the verdict followed the place in 100 %",
  );
  expect(server.requests).toHaveLength(ATTACK_RECORDS.length * (1 + 12 + 3 + 2));
});

test("a judge that looks at the facts passes; one that likes length is found out by the probe", async () => {
  reply = (request) => {
    if (isPair(request)) {
      const { data } = request as unknown as { data: Record<string, string> };
      const isReference = ATTACK_RECORDS.some(({ reference }) => reference === data["Answer A"]);
      return { fields: { reasoning: "r", better: isReference ? "A" : "B" } };
    }
    return { score: request.data.answer!.includes("in other words") ? 4 : 2 };
  };
  const { passes, text } = await attack();
  expect(passes).toBe(true);
  expect(numbers(text, "verbosity")[0]).toBe("0.500");
  expect(numbers(text, "sycophancy")[0]).toBe("0.000");
  expect(text).toContain(
    "of 20 pairs the first place won 50 %, the verdict followed the place in 0 %",
  );
});

test("what is suspected may be left out: it has no score then, and no success", async () => {
  reply = (request) => (isPair(request) ? { fields: { better: "neither" } } : { score: 5 });
  const { text } = await attack(", on_injection: exclude");
  const [shift, , , without] = numbers(text, "plain_request");
  expect([shift, without]).toEqual(["–", "20"]);
  const suspected = [...text.matchAll(/^ {2}(\w+) .* (\d+)$/gm)].filter(
    ([, name]) => name! in ATTACKS,
  );
  // What the heuristic sees of twelve families: flattery is no instruction, and base64 and French are not read.
  expect(suspected.filter(([, , count]) => Number(count) === 20).length).toBeGreaterThanOrEqual(8);
});

test("no marker, chat mark or invisible letter of an attack reaches the judge as such", async () => {
  reply = (request) => (isPair(request) ? { fields: { better: "neither" } } : { score: 2 });
  await attack();
  for (const { data } of server.requests.filter((request) => !isPair(request))) {
    expect(data.answer).not.toMatch(/<\|im_start\|>|\[INST\]|[\u{E0000}-\u{E007F}]/u);
  }
});

test.each([
  [["--metric", "kindness"], '--metric: expected one that has a judge, got "kindness"'],
  [["--max-usd", "none"], "--max-usd: expected an amount above 0"],
  [["--fast"], "judge attack [--config FILE]"],
  // Before anything is paid for.
  [["--store"], "connected"],
])("%j is refused", async (args, problem) => {
  await expect(attack("", ...args)).rejects.toThrow(problem);
});
