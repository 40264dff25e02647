/**
 * Objects that pg hands the connection's messages to: its Query, and the cursors and streams of other packages. What
 * becomes of them is seen in the two messages that end every one; no listener is added, because to some of them it makes
 * a difference whether anybody listens.
 */
import { forget, onAbandoned, type Abandonable } from "../abandoned.ts";
import { guarded } from "../health.ts";
import { list, memberOf } from "../untyped.ts";
import type { Retrieval } from "./retrieval.ts";

type Method = (this: unknown, ...args: unknown[]) => unknown;

export function observeSubmittable(submittable: object, retrieval: Retrieval): void {
  const call: Abandonable = { abandon: () => retrieval.abandon() };
  let rows = 0;
  before(submittable, "handleDataRow", () => {
    rows++;
    call.lastActivity = performance.now();
  });
  before(submittable, "handleError", (_self, error) =>
    guarded("ending a search", () => {
      forget(call);
      retrieval.fail(error);
    }),
  );
  // Afterwards: an error that was put off is only now told, to handleError.
  after(submittable, "handleReadyForQuery", (self) =>
    guarded("ending a search", () => {
      forget(call);
      const kept = list(memberOf(memberOf(self, "_results"), "rows"));
      retrieval.found(kept.length === rows ? kept : undefined, rows);
    }),
  );
  onAbandoned(submittable, call);
}

type Seen = (self: unknown, argument: unknown) => void;

function before(target: object, name: string, seen: Seen): void {
  replace(target, name, (original) => {
    return function (...args) {
      seen(this, args[0]);
      return Reflect.apply(original, this, args);
    };
  });
}

function after(target: object, name: string, seen: Seen): void {
  replace(target, name, (original) => {
    return function (...args) {
      try {
        return Reflect.apply(original, this, args);
      } finally {
        seen(this, args[0]);
      }
    };
  });
}

function replace(target: object, name: string, wrap: (original: Method) => Method): void {
  const original: unknown = Reflect.get(target, name);
  if (typeof original !== "function") return;
  Object.defineProperty(target, name, {
    value: wrap(original as Method),
    configurable: true,
    writable: true,
  });
}
