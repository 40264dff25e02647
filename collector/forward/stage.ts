/** Forwarding: a forwarder for each destination, each with a consumer of the log of its own. */
import type { ConsumerOptions, LogConsumer } from "../log/consumer.ts";
import type { Logger } from "../stages.ts";
import type { Destination } from "./destination.ts";
import { Forwarder, type ForwardStats } from "./forwarder.ts";

export interface ForwardStage {
  /** Sends what the log holds now, within the deadline. */
  stop(deadlineMs: number): Promise<void>;
  stats(): readonly ForwardStats[];
}

/** The consumers that the log must be opened with. */
export function consumersOf(destinations: readonly Destination[]): ConsumerOptions[] {
  return destinations.map(({ name, maxBacklogBytes, maxBacklogMs, startAt }) => ({
    name,
    maxBytes: maxBacklogBytes,
    maxAgeMs: maxBacklogMs,
    from: startAt,
  }));
}

export function startForwarding(
  destinations: readonly Destination[],
  source: { consumer(name: string): LogConsumer },
  log: Logger,
): ForwardStage {
  const forwarders = destinations.map(
    (destination) =>
      new Forwarder({ destination, consumer: source.consumer(destination.name), log }),
  );
  for (const forwarder of forwarders) forwarder.start();
  return {
    stop: async (deadlineMs) => {
      await Promise.all(forwarders.map((forwarder) => forwarder.stop(deadlineMs)));
    },
    stats: () => forwarders.map((forwarder) => forwarder.stats()),
  };
}
