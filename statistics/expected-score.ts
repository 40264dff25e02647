/**
 * The mean of the scores that a judge could have given, by the probabilities of its own tokens (G-Eval, Liu et al. 2023),
 * instead of the one that it happened to give.
 */

export interface TokenProbability {
  token: string;
  logprob: number;
}

export interface ExpectedScore {
  expected: number;
  /** Probability that lay on scores at all. */
  mass: number;
  /** Of the scores' probabilities, in nats. */
  entropy: number;
}

/** Below it the probabilities say little: another token was as likely. */
const LEAST_MASS = 0.9;

/**
 * From the tokens that were likely where the score stands. Undefined where less than 0.9 of the probability lies on
 * scores, or the score given is not among them.
 * @param scores the whole numbers of the scale, each one token
 */
export function expectedScore(
  likely: readonly TokenProbability[],
  given: number,
  scores: readonly number[],
): ExpectedScore | undefined {
  const byScore = new Map<number, number>();
  for (const { token, logprob } of likely) {
    const text = token.trim();
    const score = Number(text);
    if (text === "" || !scores.includes(score)) continue;
    byScore.set(score, (byScore.get(score) ?? 0) + Math.exp(logprob));
  }
  const mass = [...byScore.values()].reduce((sum, p) => sum + p, 0);
  if (mass < LEAST_MASS || !byScore.has(given)) return undefined;
  let [expected, entropy] = [0, 0];
  for (const [score, probability] of byScore) {
    const p = probability / mass;
    expected += score * p;
    if (p > 0) entropy -= p * Math.log(p);
  }
  return { expected, mass: Math.min(1, mass), entropy };
}
