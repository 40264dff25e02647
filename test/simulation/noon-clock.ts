/** Preload for a process that is to start at the last noon (UTC): what a day's budget does depends on the hour. */
const DAY_MS = 86_400_000;
const realNow = Date.now;
const start = realNow();
const shift = (((start % DAY_MS) - DAY_MS / 2 + DAY_MS) % DAY_MS) as number;
Date.now = () => realNow() - shift;

export {};
