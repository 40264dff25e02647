/** Lengths of time as the files write them: `30s`, `5m`, `6h`, `3d`. */
import { z } from "zod";

const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Text to seconds. */
export const duration = z.string().transform((text, ctx): number => {
  const match = /^([1-9]\d{0,4})([smhd])$/.exec(text);
  if (match) return Number(match[1]) * SECONDS[match[2] as keyof typeof SECONDS];
  ctx.addIssue({ code: "custom", message: `expected a time like "5m" or "6h", got "${text}"` });
  return z.NEVER;
});

/** `5m`, in the largest unit that divides it. */
export function durationText(seconds: number): string {
  for (const unit of ["d", "h", "m"] as const) {
    if (seconds >= SECONDS[unit] && seconds % SECONDS[unit] === 0)
      return `${seconds / SECONDS[unit]}${unit}`;
  }
  return `${Math.round(seconds)}s`;
}
