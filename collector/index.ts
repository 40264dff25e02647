export { collectorSettings } from "./config.ts";
export { runDeadLetterCommand } from "./dead-letter-command.ts";
export { startCollector, type RunningCollector } from "./main.ts";
