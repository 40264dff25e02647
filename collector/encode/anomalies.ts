/**
 * What was odd about a span that was stored all the same: the bits of column `anomalies`.
 *
 * Bits are for ever: add new ones at the end, never change or reuse one.
 */
export const ANOMALY = {
  /** No start time: filed under its time of receipt. */
  startMissing: 1 << 0,
  /** Started longer ago than `ASSAY_MAX_SPAN_AGE_DAYS`: filed under its time of receipt. */
  startTooOld: 1 << 1,
  /** Starts more than ten minutes after its receipt: filed under its time of receipt. */
  startInFuture: 1 << 2,
  /** No end time: duration 0. */
  endMissing: 1 << 3,
  /** Duration 0. */
  endBeforeStart: 1 << 4,
  /** Longer than a year: duration 0, or it would drown every sum. */
  durationImplausible: 1 << 5,
  parentIsSelf: 1 << 6,
  /** A parent id of neither 0 nor 8 bytes: stored as a root span. */
  parentIdInvalid: 1 << 7,
  /** A key came twice: the last one is kept. */
  duplicateAttribute: 1 << 8,
  /** Text was not UTF-8: U+FFFD stands for what was wrong. */
  invalidUtf8: 1 << 9,
  /** A value nested more than 32 deep was replaced. */
  depthLimit: 1 << 10,
  /** A reference into a string table, which only profiles have. */
  stringIndex: 1 << 11,
  /** Cache tokens beyond the input: taken as counted beside it, and added. */
  exclusiveInput: 1 << 12,
  /** A token count that is none (negative, fraction, text, beyond 2^32-1): unknown. */
  invalidTokens: 1 << 13,
  /** Another attribute's value did not fit its column: it is among the other attributes. */
  invalidValue: 1 << 14,
  /** A model or usage without an operation: counted as chat. */
  operationInferred: 1 << 15,
  /** A link with an id of the wrong length: zeros stand for it. */
  linkIdInvalid: 1 << 16,
  /** Content came both as attributes and as events: the attributes are kept. */
  duplicateContent: 1 << 17,
  /** Reasoning, audio and image tokens beyond the output: taken as counted beside it, and added. */
  exclusiveOutput: 1 << 18,
  /** The total that the sender states is not the sum of input and output: its attribute is kept. */
  totalMismatch: 1 << 19,
} as const;

export type Anomaly = keyof typeof ANOMALY;

/** Those that a wrong clock makes. */
export const ODD_TIMES =
  ANOMALY.startMissing |
  ANOMALY.startTooOld |
  ANOMALY.startInFuture |
  ANOMALY.endMissing |
  ANOMALY.endBeforeStart |
  ANOMALY.durationImplausible;

export const ANOMALIES: readonly Anomaly[] = Object.keys(ANOMALY) as Anomaly[];

/** The names of the bits that are set. */
export function anomaliesOf(bits: number): Anomaly[] {
  return ANOMALIES.filter((name) => bits & ANOMALY[name]);
}
