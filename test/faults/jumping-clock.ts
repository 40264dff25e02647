/**
 * Preload for a collector whose wall clock jumps every 300 ms: by an hour and by a year, forwards and backwards, and back
 * to right. The monotonic clock goes on as it should.
 */
const HOUR_MS = 3_600_000;
const JUMPS_MS = [0, HOUR_MS, -HOUR_MS, 365 * 24 * HOUR_MS, -365 * 24 * HOUR_MS];
const STROBE_MS = 300;

const realNow = Date.now;
Date.now = () => {
  const jump = JUMPS_MS[Math.floor(performance.now() / STROBE_MS) % JUMPS_MS.length]!;
  return realNow() + jump;
};

export {};
