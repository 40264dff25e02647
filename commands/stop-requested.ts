/** How a process learns that it should end. */

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function stopRequested(): Promise<void> {
  if (process.send) return parentStops();
  return new Promise((resolve) => {
    let asked = false;
    const ask = (): void => {
      if (asked) process.exit(130);
      asked = true;
      resolve();
    };
    process.on("SIGINT", ask);
    process.on("SIGTERM", ask);
  });
}

/**
 * For a process started by `assay start`: that one stops it, by a message or by going away. A signal that reaches the
 * whole group, as the terminal's Ctrl-C does, is the parent's to answer.
 */
function parentStops(): Promise<void> {
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => {});
  return new Promise((resolve) => {
    process.once("disconnect", resolve);
    process.on("message", (message) => message === "stop" && resolve());
  });
}
