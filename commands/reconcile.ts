/** `assay reconcile`: a provider's own reports against ours. */
import { readPriceBook } from "@assay/collector";
import { runReconcileCommand } from "@assay/query-api";
import { connector, settings } from "./settings.ts";

export async function run(args: readonly string[]): Promise<void> {
  const values = settings();
  const connect = connector(values);
  const book = readPriceBook(values.ASSAY_PRICES);
  await runReconcileCommand(args, { book, connect: () => connect("reader"), print: console.log });
}
