/** How long a call may take: its message to arrive, and until the deadline its client gave. */
import { Refusal } from "../refusal.ts";

export interface Patience {
  /** Rejects, with what to answer, when the call has taken too long. */
  readonly lapsed: Promise<never>;
  /** The client wants its answer in so many milliseconds. */
  until(timeoutMs: number): void;
  /** The message is here; only the deadline counts from now on. */
  arrived(): void;
  end(): void;
}

export function createPatience(arrivalMs: number): Patience {
  const { promise: lapsed, reject } = Promise.withResolvers<never>();
  const arrival = setTimeout(
    () => reject(new Refusal("timeout", "the message took too long to arrive, try again")),
    arrivalMs,
  );
  let deadline: NodeJS.Timeout | undefined;
  return {
    lapsed,
    until(timeoutMs) {
      deadline = setTimeout(
        () => reject(new Refusal("deadline", "not done by the deadline of the call")),
        timeoutMs,
      );
    },
    arrived: () => clearTimeout(arrival),
    end() {
      clearTimeout(arrival);
      clearTimeout(deadline);
    },
  };
}
