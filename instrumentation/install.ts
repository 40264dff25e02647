/** Puts everything in place, once per process, whichever of the package's entry points came first. */
import { patchInstalledCopies, type PatchedCopy } from "./openai/find.ts";
import { injectTraceContext } from "./outgoing.ts";
import { openRequestScopes } from "./request-scope.ts";
import { runtime, start } from "./runtime.ts";

let copies: PatchedCopy[] | undefined;
let requestScope = "off: not registered";

export function install(): void {
  if (copies || runtime.settings.disabled) return;
  start();
  copies = patchInstalledCopies();
  requestScope = openRequestScopes();
  injectTraceContext();
}

export function installed(): { openai: PatchedCopy[]; requestScope: string } {
  return { openai: copies ?? [], requestScope };
}
