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
  const texts = context.map(plain);
  const said = claims.filter(({ verdict }) => verdict === "supported");
  const verified = said.filter(({ quote }) => isQuoted(plain(quote), texts));
  const contradicted = claims.filter(({ verdict }) => verdict === "contradicted");
  return {
    supported: verified.length / claims.length,
    contradicted: contradicted.length / claims.length,
    quoteMissRate: said.length === 0 ? 0 : 1 - verified.length / said.length,
  };
}

function isQuoted(quote: string, texts: readonly string[]): boolean {
  return quote !== "" && texts.some((text) => text.includes(quote));
}

/** But for case, kinds of quotation marks and white space. */
function plain(text: string): string {
  return text
    .normalize("NFKC")
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
