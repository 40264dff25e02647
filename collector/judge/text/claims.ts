/** Scores of answers that a judge has taken apart, claim by claim; its quotes are checked, not believed. */

export interface Claim {
  verdict: "supported" | "unsupported" | "contradicted";
  /** The words of the context that it rests on. */
  quote: string;
}

export interface Faithfulness {
  /** Shares of all claims. */
  supported: number;
  contradicted: number;
  /** Of the claims called supported: those whose quote is not in the context. They count as unsupported. */
  quoteMissRate: number;
}

/** Undefined without claims (a greeting, a refusal): it does not apply. */
export function faithfulness(
  claims: readonly Claim[],
  context: readonly string[],
): Faithfulness | undefined {
  if (claims.length === 0) return undefined;
  const said = claims.filter(({ verdict }) => verdict === "supported");
  const verified = said.filter(({ quote }) => isQuoted(quote, context));
  const contradicted = claims.filter(({ verdict }) => verdict === "contradicted");
  return {
    supported: verified.length / claims.length,
    contradicted: contradicted.length / claims.length,
    quoteMissRate: said.length === 0 ? 0 : 1 - verified.length / said.length,
  };
}

/** Whether these words stand in one of the texts, letter by letter but for case, quotation marks and white space. */
export function isQuoted(quote: string, texts: readonly string[]): boolean {
  const wanted = plain(quote);
  return wanted !== "" && texts.some((text) => plain(text).includes(wanted));
}

/** Invisible letters, and how a prompt shows them (prompt.ts), are left out. */
function plain(text: string): string {
  return text
    .normalize("NFKC")
    .replace(/\\u\{[0-9a-f]{2,6}\}|\p{Cf}/gu, "")
    .toLowerCase()
    .replace(/[“”„«»]/g, '"')
    .replace(/[‘’]/g, "'")
    .replace(/\s+/g, " ")
    .trim();
}

/**
 * Correctness of an answer's claims against a reference's: `right` in both, `wrong` in the answer only, `missing` in the
 * reference only. Undefined when neither makes any.
 */
export function claimF1(right: number, wrong: number, missing: number): number | undefined {
  const all = 2 * right + wrong + missing;
  return all === 0 ? undefined : (2 * right) / all;
}
