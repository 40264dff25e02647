/**
 * Which of two outputs a judge prefers, from what it wrote in its own words.
 *
 * Only a plain statement counts ("Output (a) is better", "I prefer Output (b)", or nothing but the name). What it quotes it
 * does not say; a heading is the prompt's own, said again; an answer that stops in mid-sentence was cut off, and how it
 * would have gone on is unknown. Statements for both sides are no verdict. Of 134 recorded answers that decide nothing
 * none is read as a verdict.
 */

export type PairwiseVerdict =
  | { status: "ok"; preferred: "first" | "second" }
  /** It says that neither is better. */
  | { status: "abstain" }
  | { status: "failed"; failure: "parse" | "truncated"; detail: string };

const FIRST = "‹1›";
const SECOND = "‹2›";
const NAME = "(‹[12]›)";
const DEGREE =
  "(?:(?:the|a|an|clearly|slightly|much|far|overall|therefore|thus|generally|somewhat|significantly|definitely|probably|still|to be) )*";
const BETTER = "(?:better|best|superior|preferable|preferred|winner)";
const NOT = "(?<!\\b(?:not|never|cannot|neither|nor) )(?<!n't )";

/** Each names the one that is preferred. */
const PREFERENCES = [
  `${NAME} (?:is|seems|appears|would be|wins as) ${DEGREE}${BETTER}\\b`,
  `${NOT}\\b(?:choose|chose|select|pick|prefer|favou?r) ${NAME}`,
  `\\b${BETTER} (?:output|response|answer|one|choice|option) (?:is|would be) ${DEGREE}${NAME}`,
  `^(?:(?:the|my|final|overall) )*(?:verdict|answer|winner|choice|decision)(?: is|:) ${NAME}$`,
].map((pattern) => new RegExp(pattern, "gi"));

const NO_PREFERENCE =
  /\b(?:neither|equally (?:good|bad|well|valid|acceptable)|no (?:clear )?(?:winner|preference|difference)|(?:it is|it's|is) a tie|tied)\b/i;

/** Ends a sentence, also inside brackets or emphasis. */
const ENDED = /[.!?…。！？][)\]"'”’*_`]*$/u;

/** @param names how the prompt calls the two outputs */
export function readPairwise(
  text: string,
  names: readonly [string, string] = ["Output (a)", "Output (b)"],
): PairwiseVerdict {
  const bare = text.trim().replace(/^[\s"'*_`]+|[\s"'*_`.]+$/g, "");
  for (const [at, preferred] of ["first", "second"].entries())
    if (bare.toLowerCase() === names[at]!.toLowerCase())
      return { status: "ok", preferred: preferred as "first" | "second" };
  if (bare === "") return failed("parse", "expected an answer, got none");
  const statements = sentences(text, names).flatMap(statementsOf);
  const last = statements.at(-1);
  if (!isEnded(text, names)) return failed("truncated", "stops in mid-sentence");
  if (last === undefined)
    return failed("parse", `expected "${names[0]}" or "${names[1]}" to be better`);
  if (last === "neither") return { status: "abstain" };
  if (statements.some((one) => one !== last && one !== "neither"))
    return failed("parse", "says of both that they are better");
  return { status: "ok", preferred: last };
}

type Statement = "first" | "second" | "neither";

/** In the order in which they stand. */
function statementsOf(sentence: string): Statement[] {
  const found = PREFERENCES.flatMap((pattern) =>
    [...sentence.matchAll(pattern)].map((match) => ({ at: match.index, name: match[1]! })),
  ).toSorted((a, b) => a.at - b.at);
  if (found.length === 0) return NO_PREFERENCE.test(sentence) ? ["neither"] : [];
  return found.map(({ name }) => (name === FIRST ? "first" : "second"));
}

/** Of what the judge says itself, its names for the two replaced. */
function sentences(text: string, [first, second]: readonly [string, string]): string[] {
  return named(text, first, second)
    .split("\n")
    .filter((line) => !/^\s*#/.test(line))
    .flatMap((line) => line.replace(/"[^"]{0,500}"|“[^”]{0,500}”/g, '""').split(/(?<=[.!?;])\s+/))
    .map((sentence) => sentence.replace(/[*_`]/g, "").replace(/\s+/g, " ").trim());
}

function named(text: string, first: string, second: string): string {
  const at = (name: string): RegExp =>
    new RegExp(`(?<!\\w)${RegExp.escape(name).replace(/(?:\\x20| )+/g, "\\s+")}(?!\\w)`, "gi");
  return text.replace(at(first), FIRST).replace(at(second), SECOND);
}

/** A last line such as "Verdict: Output (a)" needs no full stop. */
function isEnded(text: string, [first, second]: readonly [string, string]): boolean {
  const end = text.trimEnd();
  if (ENDED.test(end)) return true;
  const lastLine = named(end.slice(end.lastIndexOf("\n") + 1), first, second);
  return /^[\w\s*]+: *[*"]*‹[12]›[*"]*$/.test(lastLine);
}

function failed(failure: "parse" | "truncated", detail: string): PairwiseVerdict {
  return { status: "failed", failure, detail };
}
