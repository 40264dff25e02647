/** What the receiver counts; totals since start unless said otherwise. */
import type { RefusalReason } from "./refusal.ts";

export interface ReceiverStats {
  /** Requests answered 200. */
  acceptedRequests: number;
  /** Of those, requests whose body was stored before. */
  duplicateRequests: number;
  /** Requests answered otherwise. */
  refusedRequests: Partial<Record<RefusalReason, number>>;
  /** Requests whose client went away before the body was complete. */
  abortedRequests: number;
  /** Connections ended for what is not HTTP, or for a head that took too long. */
  brokenConnections: number;
  /** Connections turned away for being too many. */
  droppedConnections: number;
  acceptedSpans: number;
  /** Spans refused alone, in a request that was answered 200. */
  rejectedSpans: number;
  /** Spans of requests answered 503 after they were read; the sender still has them. */
  refusedSpans: number;
  /** Spans of requests answered 500: an error of ours. */
  failedSpans: number;
  /** The same of log records. */
  acceptedLogRecords: number;
  /** Those that are no GenAI events included. */
  rejectedLogRecords: number;
  refusedLogRecords: number;
  failedLogRecords: number;
  /** Requests answered 200 with something to say about them in partial_success. */
  warnedRequests: number;
  /** Bodies as sent, of complete ones. */
  receivedBytes: number;
  inflatedBytes: number;
  /** Now. */
  requestsInFlight: number;
  /** Now. */
  bytesInFlight: number;
  bytesInFlightCapacity: number;
}

export function createReceiverStats(): ReceiverStats {
  return {
    acceptedRequests: 0,
    duplicateRequests: 0,
    refusedRequests: {},
    abortedRequests: 0,
    brokenConnections: 0,
    droppedConnections: 0,
    acceptedSpans: 0,
    rejectedSpans: 0,
    refusedSpans: 0,
    failedSpans: 0,
    acceptedLogRecords: 0,
    rejectedLogRecords: 0,
    refusedLogRecords: 0,
    failedLogRecords: 0,
    warnedRequests: 0,
    receivedBytes: 0,
    inflatedBytes: 0,
    requestsInFlight: 0,
    bytesInFlight: 0,
    bytesInFlightCapacity: 0,
  };
}
