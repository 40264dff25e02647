export { readBudgets } from "./budgets.ts";
export { runChecksCommand } from "./checks/command.ts";
export { readChecksConfig } from "./checks/config.ts";
export { collectorSettings } from "./config.ts";
export { runDeadLetterCommand } from "./dead-letter-command.ts";
export { startCollector, type RunningCollector } from "./main.ts";
export { readModelCatalogue } from "./model-catalogue.ts";
export { readPriceBook } from "./own-prices.ts";
export { runRepriceCommand } from "./reprice/command.ts";
