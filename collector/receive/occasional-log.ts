/** Logs the first of a kind at once and then one a minute with the number that went unsaid: a sender can loop. */

export type Log = (level: "info" | "warn" | "error", message: string) => void;

export interface OccasionalLog {
  /** @param kind one of few; each has its own minute */
  say(kind: string, level: "info" | "warn" | "error", message: string): void;
}

export function createOccasionalLog(
  log: Log,
  { intervalMs = 60_000, now = Date.now }: { intervalMs?: number; now?: () => number } = {},
): OccasionalLog {
  const kinds = new Map<string, { nextAt: number; unsaid: number }>();
  return {
    say(kind, level, message) {
      const seen = kinds.get(kind) ?? { nextAt: 0, unsaid: 0 };
      kinds.set(kind, seen);
      if (now() < seen.nextAt) {
        seen.unsaid++;
        return;
      }
      log(level, seen.unsaid === 0 ? message : `${message} (and ${seen.unsaid} more like it)`);
      seen.nextAt = now() + intervalMs;
      seen.unsaid = 0;
    },
  };
}
