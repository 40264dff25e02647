/** `assay what-if`: recorded calls asked again of another model. */
import { readPriceBook } from "@assay/collector";
import { runReplayCommand } from "@assay/query-api";
import { connector, settings, url } from "./settings.ts";

export async function run(args: readonly string[]): Promise<void> {
  const values = settings();
  const connect = connector(values);
  await runReplayCommand(args, {
    book: readPriceBook(values.ASSAY_PRICES),
    connect: () => connect("reader"),
    otlpUrl: `${url(values.ASSAY_OTLP_HTTP)}${values.ASSAY_OTLP_TRACES_PATH}`,
    print: console.log,
    env: process.env,
  });
}
