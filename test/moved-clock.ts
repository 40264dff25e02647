/** Preload for a process whose clock is moved by `MOVED_CLOCK_MS`. */
const realNow = Date.now;
const moved = Number(process.env["MOVED_CLOCK_MS"]);
if (!Number.isFinite(moved)) throw new Error("MOVED_CLOCK_MS: expected milliseconds");
Date.now = () => realNow() + moved;

export {};
