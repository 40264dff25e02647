/** What is known of a model besides its traffic: where it runs and what it is, from the file of ASSAY_MODELS. */
export interface CatalogueEntry {
  /** Any when left out. */
  provider?: string | undefined;
  /** With `*` at its end: models whose names begin so. */
  model: string;
  hosting: "api" | "self-hosted";
  region?: string | undefined;
  modality: readonly string[];
  fine_tuned_from?: string | undefined;
  context_tokens?: number | undefined;
  /** Of a self-hosted model: what its machines cost, whether it is used or not. */
  usd_per_hour?: number | undefined;
}

/** The entry of the longest name that fits; one with the provider wins. */
export function catalogued(
  catalogue: readonly CatalogueEntry[],
  provider: string,
  model: string,
): CatalogueEntry | undefined {
  const weight = (entry: CatalogueEntry): number =>
    (entry.provider === undefined ? 0 : 1_000_000) +
    (entry.model.endsWith("*") ? 0 : 1_000) +
    entry.model.length;
  return catalogue
    .filter((entry) => entry.provider === undefined || entry.provider === provider)
    .filter((entry) => fits(entry, model))
    .toSorted((a, b) => weight(b) - weight(a))[0];
}

function fits(entry: CatalogueEntry, model: string): boolean {
  return entry.model.endsWith("*")
    ? model.startsWith(entry.model.slice(0, -1))
    : model === entry.model;
}
