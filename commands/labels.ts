/** `assay labels`: what people say of records, in and out. */
import { runLabelsCommand } from "@assay/query-api";
import { connector, settings } from "./settings.ts";

export async function run(args: readonly string[]): Promise<void> {
  const values = settings();
  const share = values.ASSAY_LABEL_SHARE;
  await runLabelsCommand(args, { connect: connector(values), share, print: console.log });
}
