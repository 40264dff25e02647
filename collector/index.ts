export { collectorSettings } from "./config.ts";
export { startCollector, type RunningCollector } from "./main.ts";
