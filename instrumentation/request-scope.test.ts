import { Server } from "node:http";
import { expect, test } from "vitest";
import { openRequestScopes } from "./request-scope.ts";

test("where an HTTP instrumentation wraps the server, nothing is patched", () => {
  const before = Object.getOwnPropertyDescriptor(Server.prototype, "emit");
  const theirs = Object.defineProperty((): boolean => true, "__wrapped", { value: true });
  Object.defineProperty(Server.prototype, "emit", { value: theirs, configurable: true });
  try {
    expect(openRequestScopes()).toBe("off: an HTTP instrumentation is active");
    expect(Reflect.get(Server.prototype, "emit")).toBe(theirs);
  } finally {
    Reflect.deleteProperty(Server.prototype, "emit");
    if (before) Object.defineProperty(Server.prototype, "emit", before);
  }
});

test("it is patched once", () => {
  expect(openRequestScopes()).toBe("on");
  const once: unknown = Reflect.get(Server.prototype, "emit");
  expect(openRequestScopes()).toBe("on");
  expect(Reflect.get(Server.prototype, "emit")).toBe(once);
  Reflect.deleteProperty(Server.prototype, "emit");
});
