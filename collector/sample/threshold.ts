/**
 * Consistent probability sampling as OpenTelemetry has it: a trace has one random number R of 56 bits, and is kept where
 * R is not below a threshold T. Whoever samples with the same or a higher probability keeps it too. T travels in the
 * trace state (`ot=th:…`), so that a span can be counted for as many as it stands for: 2^56 / (2^56 − T).
 */
const BITS_56 = 1n << 56n;

/** T for a probability above 0 and up to 1. */
export function thresholdOf(probability: number): bigint {
  return BigInt(Math.round((1 - probability) * 2 ** 56));
}

/** R: `rv` of the trace state, else the last 56 bits of the trace's id. */
export function randomnessOf(traceId: Uint8Array, traceState: string): bigint {
  const given = /^[0-9a-f]{14}$/.exec(otelValues(traceState).get("rv") ?? "");
  if (given !== null) return BigInt(`0x${given[0]}`);
  return BigInt(`0x${Buffer.from(traceId.subarray(9, 16)).toString("hex")}`);
}

/** The trace state of a span that passed `threshold`; undefined when it passed a higher one before. */
export function withThreshold(traceState: string, threshold: bigint): string | undefined {
  const values = otelValues(traceState);
  const earlier = values.get("th") ?? "";
  if (/^[0-9a-f]{1,14}$/.test(earlier) && BigInt(`0x${earlier.padEnd(14, "0")}`) >= threshold) {
    return undefined;
  }
  const rest = [...values]
    .filter(([name]) => name !== "th")
    .map(([name, value]) => `${name}:${value}`);
  const own = `ot=${[`th:${hexOf(threshold)}`, ...rest].join(";")}`;
  const others = membersOf(traceState).filter((member) => !member.startsWith("ot="));
  // Who changes a member moves it to the front; a trace state has at most 32.
  return [own, ...others].slice(0, 32).join(",");
}

/** Fourteen digits without the zeros at their end. */
function hexOf(threshold: bigint): string {
  const bounded = threshold >= BITS_56 ? BITS_56 - 1n : threshold;
  return bounded.toString(16).padStart(14, "0").replace(/0+$/, "") || "0";
}

function membersOf(traceState: string): string[] {
  return traceState
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "");
}

/** The parts of member `ot`: `th:c;rv:…`. */
function otelValues(traceState: string): Map<string, string> {
  if (!traceState.includes("ot=")) return new Map();
  const own = membersOf(traceState).find((member) => member.startsWith("ot="));
  const parts = (own?.slice(3) ?? "").split(";").map((part) => part.split(":", 2));
  return new Map(
    parts.filter((part): part is [string, string] => part.length === 2 && part[0] !== ""),
  );
}
