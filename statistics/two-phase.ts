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
