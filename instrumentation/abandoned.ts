/**
 * Calls whose end nobody will announce: a stream that was never read, or left half-way without being closed. They end
 * when the garbage collector takes the object, or ten minutes after the last sign of life, whichever is first. Neither
 * way holds on to the object.
 */
import { guarded } from "./health.ts";

export interface Abandonable {
  /** Ends the call if it has not ended. */
  abandon(): void;
  /** performance.now() of the last sign of life. @default when it was registered */
  lastActivity?: number;
}

const IDLE_LIMIT_MS = 10 * 60_000;
const SWEEP_INTERVAL_MS = 60_000;

const open = new Set<Abandonable>();
let sweeper: NodeJS.Timeout | undefined;

const collected = new FinalizationRegistry<Abandonable>((call) => {
  forget(call);
  guarded("ending an abandoned call", () => call.abandon());
});

/** @param call must not refer to `object` */
export function onAbandoned(object: object, call: Abandonable): void {
  call.lastActivity ??= performance.now();
  open.add(call);
  collected.register(object, call, call);
  sweeper ??= setInterval(sweep, SWEEP_INTERVAL_MS).unref();
}

/** It ended by itself, or another object speaks for it now. */
export function forget(call: Abandonable): void {
  open.delete(call);
  collected.unregister(call);
  if (open.size > 0) return;
  clearInterval(sweeper);
  sweeper = undefined;
}

function sweep(): void {
  const limit = performance.now() - IDLE_LIMIT_MS;
  for (const call of open) {
    if ((call.lastActivity ?? 0) > limit) continue;
    forget(call);
    guarded("ending an idle call", () => call.abandon());
  }
}
