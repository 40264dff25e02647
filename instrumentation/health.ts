/**
 * How the instrumentation itself is doing: counters for `stats()`, notes for `status()`, and warnings. Nothing of it
 * may disturb the service: one line on stderr per kind of problem, ever.
 */

/** Everything that was lost is counted here, and nothing is lost that is not. */
export interface Stats {
  /** Calls and retrievals for which a span was started. */
  spansStarted: number;
  /** Spans that reached the export queue. */
  spansEnqueued: number;
  spansExported: number;
  /** Finished calls or spans dropped because a queue held its full number. */
  spansDroppedQueueFull: number;
  /** Spans dropped because the collector could not be reached or refused them. */
  spansDroppedExportFailed: number;
  /** Spans that lost their messages, and nothing else, because a queue held its full number of bytes. */
  contentDropped: number;
  contentTruncated: number;
  redactions: number;
  /** Streams that the service neither finished nor closed. */
  streamsAbandoned: number;
  scoresSent: number;
  /** Scores that were wrong, that found the queue full, or that the collector did not take. */
  scoresDropped: number;
  /** Verdicts of checks that nobody waits for, dropped because too many were under way. */
  guardVerdictsDropped: number;
  /** Errors of ours. The service's call went through untouched. */
  instrumentationErrors: number;
}

export const stats: Stats = {
  spansStarted: 0,
  spansEnqueued: 0,
  spansExported: 0,
  spansDroppedQueueFull: 0,
  spansDroppedExportFailed: 0,
  contentDropped: 0,
  contentTruncated: 0,
  redactions: 0,
  streamsAbandoned: 0,
  scoresSent: 0,
  scoresDropped: 0,
  guardVerdictsDropped: 0,
  instrumentationErrors: 0,
};

/** The most recent warnings, one per kind; bounded by the number of kinds in our own code. */
export const warnings = new Map<string, string>();

export function warnOnce(kind: string, message: string): void {
  if (warnings.has(kind) || warnings.size >= 100) return;
  warnings.set(kind, message);
  process.stderr.write(`assay: ${message}\n`);
}

/** Runs our own code beside the service's: an error of ours is counted and ends here. */
export function guarded<T>(step: string, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    countError(step, error);
    return undefined;
  }
}

export function countError(step: string, error: unknown): void {
  stats.instrumentationErrors++;
  warnOnce(
    `error ${step}`,
    `${step} failed, the call went on without it: ${error instanceof Error ? error.message : String(error)}`,
  );
}
