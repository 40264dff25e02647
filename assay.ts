/** The command line: each command is a file of `commands/`, loaded when it is asked for. */
import { failed } from "./commands/log.ts";

interface Command {
  load: () => Promise<{ run: (args: readonly string[]) => void | Promise<void> }>;
  about: string;
  /** Whether more words may follow its name. */
  takesArgs?: boolean;
}

const commands: Record<string, Command> = {
  start: {
    load: () => import("./commands/start.ts"),
    about: "embedded engine, collector, query API and page, until Ctrl-C",
  },
  demo: {
    load: () => import("./commands/demo.ts"),
    about: "the same, with an example service, its traffic and generated history",
  },
  collector: {
    load: () => import("./commands/collector.ts"),
    about: "the collector alone (with the embedded engine unless CLICKHOUSE_URL is set)",
  },
  "query-api": {
    load: () => import("./commands/query-api.ts"),
    about: "the query API and page alone",
  },
  "dead-letters": {
    load: () => import("./commands/dead-letters.ts"),
    about: "requests that could not be stored: list | show N | replay N|all | drop N|all",
    takesArgs: true,
  },
  checks: {
    load: () => import("./commands/checks.ts"),
    about:
      "list | test --from TIME [--to TIME] [--check NAME]: the checks; when they would have fired",
    takesArgs: true,
  },
  judge: {
    load: () => import("./commands/judge.ts"),
    about:
      "test | run FILE | pairs FILE | compare --metric NAME | backfill --from TIME | attack: asks the judges, judges a file, says which of two answers is better, compares judges, judges a past period, tries to sway them",
    takesArgs: true,
  },
  experiment: {
    load: () => import("./commands/experiment.ts"),
    about:
      "run NAME --run RUN … | list | compare NAME RUN RUN: a dataset answered and judged, runs compared",
    takesArgs: true,
  },
  labels: {
    load: () => import("./commands/labels.ts"),
    about: "import FILE | export [--metric NAME]: what people say of records, as JSON Lines",
    takesArgs: true,
  },
  reprice: {
    load: () => import("./commands/reprice.ts"),
    about:
      "--from DAY --to DAY [--apply --reason TEXT]: what the prices of now change in that time; or does it",
    takesArgs: true,
  },
  reconcile: {
    load: () => import("./commands/reconcile.ts"),
    about: "FILE… [--project P] [--json]: a provider's own usage and cost reports against ours",
    takesArgs: true,
  },
  "what-if": {
    load: () => import("./commands/what-if.ts"),
    about:
      "replay --candidate PROVIDER/MODEL --url URL --from DAY --to DAY [--yes]: asks a sample of recorded calls again",
    takesArgs: true,
  },
  settings: {
    load: () => import("./commands/print-settings.ts"),
    about: "every setting, its default and what it does",
  },
};

const [name = "help", ...rest] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (!command || (rest.length > 0 && !command.takesArgs)) printUsage();
else
  await command
    .load()
    .then(({ run }) => run(rest))
    .catch(failed);

function printUsage(): void {
  const asked = name === "help" || name === "--help" || name === "-h";
  const list = Object.entries(commands).map(
    ([key, { about }]) => `  assay ${key.padEnd(12)} ${about}`,
  );
  const problem = asked ? "" : `Unknown: "${[name, ...rest].join(" ")}".\n`;
  (asked ? process.stdout : process.stderr).write(`${problem}Usage:\n${list.join("\n")}\n`);
  process.exitCode = asked ? 0 : 1;
}
