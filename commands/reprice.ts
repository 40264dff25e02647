/** `assay reprice`: what the prices of now change in what is stored. */
import { readPriceBook, runRepriceCommand } from "@assay/collector";
import { connector, settings } from "./settings.ts";

/** A mutation of a day's spans takes as long as it takes. */
const REQUEST_TIMEOUT_MS = 3_600_000;

export async function run(args: readonly string[]): Promise<void> {
  const values = settings();
  const connect = connector(values);
  await runRepriceCommand(args, {
    book: readPriceBook(values.ASSAY_PRICES),
    connect: () => connect("writer", REQUEST_TIMEOUT_MS),
    print: console.log,
  });
}
