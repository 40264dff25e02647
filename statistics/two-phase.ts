/**
 * A cheap judge on many records and a strong one on some of them: what it costs against the strong one alone at the same
 * precision, and how many the strong one should see. Neyman's double sampling; Cochran, Sampling Techniques, 12.6.
 *
 * @param correlation of the two judges' scores
 * @param costRatio what the cheap judge costs of what the strong one does
 */
export function twoPhase(
  correlation: number,
  costRatio: number,
): { relativeCost: number; auditShare: number; worthwhile: boolean } {
  const rest = 1 - correlation * correlation;
  const relativeCost = (Math.sqrt(rest) + Math.abs(correlation) * Math.sqrt(costRatio)) ** 2;
  const auditShare =
    correlation === 0
      ? 1
      : Math.min(1, Math.sqrt((costRatio * rest) / (correlation * correlation)));
  return { relativeCost, auditShare, worthwhile: relativeCost < 1 };
}

/** The correlation from which a cheap judge of that cost pays. */
export function breakEvenCorrelation(costRatio: number): number {
  return (2 * Math.sqrt(costRatio)) / (1 + costRatio);
}

/**
 * In a sentence: is it worth having the cheaper of two judges score many records, and the dearer one some of those?
 * @param usdPerThousand of both; null: not known
 */
export function twoPhaseVerdict(
  correlation: number | undefined,
  usdPerThousand: readonly [number | null, number | null],
): string {
  if (correlation === undefined) return "The scores do not vary enough to tell.";
  const [cheap, dear] = usdPerThousand.toSorted((a, b) => (a ?? 0) - (b ?? 0));
  if (!cheap || !dear)
    return `Correlation ${correlation.toFixed(2)}; what a judgement costs is not known of both.`;
  const ratio = cheap / dear;
  const { relativeCost, auditShare, worthwhile } = twoPhase(correlation, ratio);
  const cost = `The cheaper one costs ${(ratio * 100).toFixed(0)} % of the other, correlation ${correlation.toFixed(2)}`;
  return worthwhile
    ? `${cost}: the cheaper on all and the other on ${(auditShare * 100).toFixed(0)} % of them costs ${(relativeCost * 100).toFixed(0)} % of the other alone, for the same precision.`
    : `${cost}: using both costs more than the dearer one alone.`;
}
