/**
 * What a guard redacts is hidden in the spans of the calls inside of it too: an answer goes into the model's span before the
 * guard has it in hands. Follows awaits, as the rest of the context does.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Redact } from "../content-writer.ts";
import { mergeRanges, replaceRanges, type Range } from "../redact.ts";
import type { Check, Scan } from "./check.ts";
import { rangesOf } from "./held-text.ts";

const current = new AsyncLocalStorage<Redact>();

/** undefined: no guard is around this call. Taken when a call starts. */
export function hiddenText(): Redact | undefined {
  return current.getStore();
}

export function hiding<T>(redact: Redact | undefined, work: () => T): T {
  if (!redact) return work();
  const outer = current.getStore();
  return current.run(outer ? inTurn(redact, outer) : redact, work);
}

/** A text without what is hidden. */
export function visible(text: string, hidden: Redact | undefined): string {
  return hidden ? hidden(text).text : text;
}

/** The guard's, then the one of the content policy. undefined: text goes out as it is. */
export function inTurn(first: Redact, second: Redact | undefined): Redact;
export function inTurn(first: Redact | undefined, second: Redact | undefined): Redact | undefined;
export function inTurn(first: Redact | undefined, second: Redact | undefined): Redact | undefined {
  if (!first || !second) return first ?? second;
  return (text) => {
    const once = first(text);
    const twice = second(once.text);
    return { text: twice.text, redactions: once.redactions + twice.redactions };
  };
}

export function hiderOf(checks: readonly Check[]): Redact | undefined {
  const scans = checks.flatMap(({ scan }) => (scan?.hidden ? [scan] : []));
  if (scans.length === 0) return undefined;
  return (text) => hide(text, scans);
}

function hide(text: string, scans: readonly Scan[]): ReturnType<Redact> {
  let ranges: Range<string>[] = [];
  for (const scan of scans) ranges = mergeRanges(ranges, rangesOf(scan, text));
  if (ranges.length === 0) return { text, redactions: 0 };
  return {
    text: replaceRanges(text, ranges, ({ label }) => `[${label}]`),
    redactions: ranges.length,
  };
}
