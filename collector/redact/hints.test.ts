import { SCANNERS, type ScannerName } from "@assay/instrumentation/redact";
import { expect, test } from "vitest";
import { HINT, hintsOf } from "./hints.ts";
import { HARMLESS, PLANTED } from "./testing.ts";

const NAMES = Object.keys(SCANNERS) as ScannerName[];

function missed(text: string): string[] {
  const bytes = Buffer.from(text);
  // In the middle of a body: what stands around a text is no part of it.
  const body = Buffer.concat([Buffer.from("sk-A1 +"), bytes, Buffer.from("0@x.io=")]);
  const hints = hintsOf(body, 7, 7 + bytes.length);
  return NAMES.filter((name) => {
    let found = 0;
    SCANNERS[name](text, () => found++);
    return found > 0 && (hints & HINT[name]) === 0;
  });
}

/** Small pieces that secrets are made of, so that chance puts some together. */
const PIECES = [
  ...PLANTED.map(([, , text]) => text),
  ..."@ a@b.co %40 c%40d.io . - -- ----- BEGIN \\n \\u00a0 \\u0040 \\/ \" ' { } : = => :// / ( ) + 0 00 1 12 123 4155552671".split(
    " ",
  ),
  ..."4111111111111111 555-2671 01 23 45 67 89 +1 bearer Basic password api_key token: secret= pwd sk- AKIA eyJ".split(
    " ",
  ),
  ..."DE89 GB82 NL91ABNA0417164300 2001:db8::1 203.0.113.7 x y zz é 你 🙂 \n \t abc ABCDEF0123456789 aB3dE5fG7hJ9kL1m".split(
    " ",
  ),
  " ",
  "  ",
];

test("nothing that a scanner finds goes without a hint", () => {
  let seed = 42;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >>> 8) % below;
  };
  for (let round = 0; round < 30_000; round++) {
    let text = "";
    for (let length = 1 + random(9); length > 0; length--) {
      const piece = PIECES[random(PIECES.length)]!;
      text += random(4) === 0 ? piece.slice(random(piece.length)) : piece;
    }
    expect(missed(text), JSON.stringify(text)).toEqual([]);
  }
});

test("ordinary text needs no scanner at all", () => {
  for (const text of [
    "How do I reset the coffee machine on the second floor?",
    '[{"role":"user","parts":[{"type":"text","content":"Where is the handbook?"}]}]',
    "gpt-4o-mini",
    "openai",
    HARMLESS.at(-1)!,
  ]) {
    const bytes = Buffer.from(text);
    expect(hintsOf(bytes, 0, bytes.length), text).toBe(0);
  }
});
