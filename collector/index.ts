export { runChecksCommand } from "./checks/command.ts";
export { readChecksConfig } from "./checks/config.ts";
export { collectorSettings } from "./config.ts";
export { runDeadLetterCommand } from "./dead-letter-command.ts";
export { runAttackCommand } from "./judge/attack/attack-command.ts";
export { runBackfillCommand } from "./judge/backfill-command.ts";
export { startCollector, type RunningCollector } from "./main.ts";
export { readPriceBook } from "./own-prices.ts";
