/** Numbers as people read them. Money stays exact text until here and is rounded for the eye only. */
export function usd(cost: string | null): string {
  if (cost === null) return "–";
  const value = Number(cost);
  if (value === 0) return "$0";
  const size = Math.abs(value);
  if (size >= 1000) return `$${value.toLocaleString("en-US", { maximumFractionDigits: 0 })}`;
  if (size >= 1) return `$${value.toFixed(2)}`;
  if (size >= 0.01) return `$${value.toFixed(3)}`;
  return `$${Number(value.toPrecision(3)).toFixed(12).replace(/0+$/, "")}`;
}

export function count(value: number): string {
  if (value < 10_000) return value.toLocaleString("en-US");
  return value.toLocaleString("en-US", { notation: "compact", maximumFractionDigits: 1 });
}

export function duration(ms: number | null): string {
  if (ms === null) return "–";
  if (ms === 0) return "0 ms";
  if (ms < 1) return `${Math.max(1, Math.round(ms * 1000))} µs`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} m ${Math.round((ms % 60_000) / 1000)} s`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}

export function percent(part: number, whole: number): string {
  if (whole === 0) return "–";
  const share = (100 * part) / whole;
  return `${share >= 10 || share === 0 ? share.toFixed(0) : share.toFixed(share >= 1 ? 1 : 2)} %`;
}

export function moment(iso: string): string {
  const date = new Date(iso);
  const clock = date.toLocaleTimeString("en-GB");
  if (date.toDateString() === new Date().toDateString()) return clock;
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${clock}`;
}
