/**
 * `assay judge …`: judging by hand, by the same judges that the collector uses. `test` asks each judge once; `run` judges
 * the records of a file; `pairs` says which of two answers is better; `compare` holds judges against each other, against people and against judges that look at
 * nothing. Nothing is written to the store.
 */
import { parseArgs } from "node:util";
import type { ClickHouseClient } from "@clickhouse/client";
import { runCompare } from "./offline/compare-command.ts";
import { runPairs } from "./offline/pairs-command.ts";
import { runJudgeFile } from "./offline/run-command.ts";
import { runJudgeTest } from "./offline/test-command.ts";

const USAGE = `expected:
  judge test [--config FILE]
  judge run RECORDS [--config FILE] [--project NAME] [--max-usd N]
  judge pairs PAIRS --metric NAME [--judges cheap|strong] [--config FILE] [--max-usd N]
  judge compare --metric NAME (RECORDS | --from TIME [--to TIME] [--project NAME] [--model NAME] [--limit N] [--labelled])
    [--judges NAME,NAME…] [--with FILE]… [--config FILE] [--max-usd N] [--json]
RECORDS and PAIRS are files of JSON Lines; a TIME is RFC 3339 or like now-7d (docs/judging.md).`;

export interface JudgeCommandOptions {
  /** ASSAY_JUDGE; `--config` goes before it. */
  configFile: string | undefined;
  env: NodeJS.ProcessEnv;
  connect: () => Promise<ClickHouseClient>;
  print: (line: string) => void;
  /** What is not the result. @default nowhere */
  note?: (line: string) => void;
  /** Between attempts at a call; see judging.ts. */
  pauseMs?: (attempt: number) => number;
  /** @default Date.now */
  now?: () => number;
}

export type JudgeFlags = ReturnType<typeof flagsOf>["values"];

/** @throws with a sentence for the user */
export async function runJudgeCommand(
  args: readonly string[],
  options: JudgeCommandOptions,
): Promise<void> {
  const [action, ...rest] = args;
  const { values, positionals } = flagsOf(rest);
  if (positionals.length > 1) throw new Error(USAGE);
  const [file] = positionals;
  if (action === "test" && file === undefined) return runJudgeTest(values, options);
  if (action === "run" && file !== undefined) return runJudgeFile(file, values, options);
  if (action === "pairs" && file !== undefined) return runPairs(file, values, options);
  if (action === "compare") return runCompare(file, values, options);
  throw new Error(USAGE);
}

function flagsOf(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        config: text,
        project: text,
        model: text,
        from: text,
        to: text,
        metric: text,
        judges: text,
        with: { type: "string", multiple: true },
        limit: text,
        "max-usd": text,
        labelled: { type: "boolean" },
        json: { type: "boolean" },
      },
    });
  } catch (cause) {
    throw new Error(`${(cause as Error).message}\n${USAGE}`, { cause });
  }
}
