export { createApp, type AppOptions } from "./app.ts";
export { querySettings } from "./config.ts";
export { runExperimentsCommand } from "./experiments-command.ts";
export { runLabelsCommand } from "./labels/command.ts";
export { startQueryApi, type QueryApi, type QueryApiOptions } from "./main.ts";
export { runReconcileCommand } from "./reconcile/command.ts";
export { runReplayCommand } from "./replay/command.ts";
