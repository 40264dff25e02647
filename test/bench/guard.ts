/**
 * What guardrails cost: milliseconds that each set of checks takes for one text of 4 KB, and a whole guarded call.
 *
 *     node test/bench/guard.ts [rounds]
 *
 * Texts are different each time: prose with a text of the labelled set now and then. Each is checked five times and its best
 * time taken, which is the checks' own and not that of others on the machine. Prints median, p95 and p99 over the texts;
 * exits 1 where the p95 of a set is 1 ms or more.
 */
import { checks, guard } from "@assay/instrumentation";
import type { Check } from "@assay/instrumentation";
import { createRandom } from "../demo/random.ts";
import { readExamples } from "../guard/labelled.ts";

const rounds = Number(process.argv[2] ?? 2_000);
const SIZE = 4 * 1024;
const LIMIT_MS = 1;
const ATTEMPTS = 5;
const random = createRandom(7);
const examples = readExamples();

const WORDS =
  "the of and to in is that for it was on are as with they at be this have from or one had by word but not what all were we when your can said there use an each which she do how their if will up other about out many then them these so some her would make like him into time has look two more write go see number no way could people my than first water been call who oil its now find long down day did get come made may part".split(
    " ",
  );

/** Prose, with a text of the labelled set now and then. */
function text(): string {
  let out = "";
  while (out.length < SIZE)
    out += random.chance(0.02) ? `\n${random.pick(examples).text}\n` : `${random.pick(WORDS)} `;
  return out.slice(0, SIZE);
}

const SETS: readonly (readonly [name: string, checks: readonly Check[]])[] = [
  ["pii", [checks.pii()]],
  ["secrets", [checks.secrets()]],
  ["prompt_injection", [checks.promptInjection({ stages: ["output"] })]],
  ["canary", [checks.canary({ tokens: ["kq7mzt4wxb29npdh"], action: "warn" })]],
  ["urls", [checks.urls({ allowed: ["example.com"] })]],
  ["numbers", [checks.numbers()]],
  [
    "input: pii, secrets, prompt_injection",
    [checks.pii(), checks.secrets(), checks.promptInjection({ stages: ["output"] })],
  ],
  [
    "output: pii, secrets, canary, urls",
    [
      checks.pii(),
      checks.secrets(),
      checks.canary({ tokens: ["kq7mzt4wxb29npdh"], action: "warn" }),
      checks.urls({ allowed: ["example.com"] }),
    ],
  ],
];

function report(name: string, times: number[]): number {
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)]!;
  const p95 = at(0.95);
  console.log(
    `${name}: median ${at(0.5).toFixed(3)}, p95 ${p95.toFixed(3)}, p99 ${at(0.99).toFixed(3)} ms`,
  );
  return p95;
}

// Nothing listens there: spans are made and dropped, as in a service whose collector is away.
process.env["ASSAY_ENDPOINT"] ??= "http://127.0.0.1:9";
let isSlow = false;

console.log(`${rounds} texts of ${SIZE} characters each`);
for (const [name, set] of SETS) {
  const guarded = guard({ name: "bench", checks: set });
  const times: number[] = [];
  for (let round = 0; round < rounds + 200; round++) {
    const given = text();
    let best = Infinity;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const startedAt = performance.now();
      await guarded.check("output", given);
      best = Math.min(best, performance.now() - startedAt);
    }
    if (round >= 200) times.push(best);
  }
  if (report(name, times) >= LIMIT_MS) isSlow = true;
}

/** The output set over a stream of words: what each word is held up by, span and all. */
const stream = guard({ name: "bench", checks: SETS.at(-1)![1] });
const perPart: number[] = [];
for (let round = 0; round < rounds / 20; round++) {
  const parts = text().match(/\S+\s*/g)!;
  let readAt = 0;
  async function* source(): AsyncGenerator<string> {
    for (const part of parts) {
      readAt = performance.now();
      yield part;
    }
  }
  let characters = 0;
  for await (const part of stream.stream(source())) {
    perPart.push(performance.now() - readAt);
    characters += part.length;
  }
  if (characters === 0) throw new Error("nothing came out");
}
if (report("output set, streamed, a word", perPart) >= LIMIT_MS) isSlow = true;
process.exit(isSlow ? 1 : 0);
