/** `assay query-api`: the query API and the page alone. */
import { targetOf, type ClickHouseTarget } from "@assay/clickhouse";
import { readBudgets, readModelCatalogue, readPriceBook } from "@assay/collector";
import { startQueryApi, type QueryApiOptions } from "@assay/query-api";
import { describe, log } from "./log.ts";
import { settings, url, type Settings } from "./settings.ts";
import { stopRequested } from "./stop-requested.ts";

export async function run(): Promise<void> {
  const api = await startQueryApi(await optionsOf(settings()));
  process.send?.({ address: api.address });
  if (!process.send) console.log(`Page and query API  ${url(api.address)}`);
  await stopRequested();
  await api.stop();
  if (process.connected) process.disconnect();
}

async function optionsOf(values: Settings): Promise<QueryApiOptions> {
  return {
    address: values.ASSAY_HTTP,
    target: await targetOf(values, "reader"),
    writer: await writerTarget(values),
    labels: { share: values.ASSAY_LABEL_SHARE, twice: values.ASSAY_LABEL_TWICE },
    log,
    allowRemote: values.ASSAY_ALLOW_REMOTE,
    hosts: values.ASSAY_HTTP_HOSTS,
    prices: readPriceBook(values.ASSAY_PRICES),
    budgets: readBudgets(values.ASSAY_BUDGETS),
    catalogue: readModelCatalogue(values.ASSAY_MODELS),
    requestsPerSecond: values.ASSAY_HTTP_RATE,
    liveClients: values.ASSAY_HTTP_LIVE_CLIENTS,
    queryLimits: {
      rows: values.ASSAY_QUERY_MAX_ROWS,
      bytes: values.ASSAY_QUERY_MAX_GB * 1e9,
    },
  };
}

/** Undefined: the page can show everything and takes nothing. */
async function writerTarget(values: Settings): Promise<ClickHouseTarget | undefined> {
  try {
    return await targetOf(values, "writer");
  } catch (error) {
    log("info", `labels and acknowledgements are refused: ${describe(error)}`);
    return undefined;
  }
}
