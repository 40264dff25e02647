/**
 * `GET /api/v1/models`: the models in use side by side, by what calls cost, how long they take, how often they fail and how
 * good their answers are, and which of them no other one beats on both cost and quality.
 *
 * A call that failed has no model that answered, only the one that was asked for ("gpt-4o"): it counts with the model that
 * most often answers when that one is asked for ("gpt-4o-2024-08-06"), else its failures would be nobody's.
 */
import type { Price } from "@assay/instrumentation/pricing";
import { wilson } from "@assay/statistics/proportion";
import { z } from "zod";
import type { ApiCall } from "./endpoint.ts";
import { range, usd } from "./answers.ts";
import { MEASURES, type MeasureName } from "./measures.ts";
import { type CatalogueEntry, catalogued } from "./catalogue.ts";
import { readDeterminism } from "./determinism.ts";
import { anyOf, checkRange, flag, readParameters, time } from "./parameters.ts";
import { readQualityOf } from "./quality.ts";
import { readRollup } from "./rollup.ts";

const MEASURED = [
  "calls",
  "errors",
  "unpriced_calls",
  "cost",
  "cost_per_call",
  "input_tokens",
  "output_tokens",
  "cached_share",
  "latency_p50",
  "latency_p95",
  "ttft_p50",
  "ttft_p95",
  "output_tokens_per_second",
] as const satisfies readonly MeasureName[];
const MOST_MODELS = 1000;

export function modelsShape(nowMs: number) {
  return {
    from: time(nowMs),
    to: time(nowMs),
    metric: z.string().default("composite"),
    project: anyOf.optional(),
    environment: anyOf.optional(),
    /** Reads the answers themselves, which takes longer. */
    determinism: flag.default(false),
  };
}

const number = z.number().nullable();
const interval = z.looseObject({ low: number, high: number });

export const modelsAnswer = z.looseObject({
  ...range,
  metric: z.string().describe("What quality is measured by"),
  units: z.record(z.string(), z.string()),
  models: z.array(
    z.looseObject({
      provider: z.string(),
      model: z.string(),
      calls: z.number(),
      cost: usd,
      cost_per_call: number,
      error_share: interval.extend({ value: number }),
      latency_p50: number,
      latency_p95: number,
      quality: interval.extend({ mean: number, n: z.number(), too_few: z.boolean() }).nullable(),
      usd_per_quality_point: interval
        .extend({ value: number })
        .nullable()
        .describe("Cost of a call over its mean quality from 0 to 1"),
      price: z
        .looseObject({
          price_id: z.string(),
          input_usd_per_million: z.number(),
          output_usd_per_million: z.number(),
        })
        .nullable()
        .describe("In force at the end of the range; null: not in the price book"),
      catalogue: z
        .looseObject({
          hosting: z.enum(["api", "self-hosted"]),
          region: z.string().nullable(),
          modality: z.array(z.string()),
          fine_tuned_from: z.string().nullable(),
          context_tokens: number,
          usd_per_hour: number,
        })
        .nullable()
        .describe("What the file of ASSAY_MODELS says"),
      hosted: z
        .looseObject({
          usd: z.number().describe("Of the whole range, used or not"),
          usd_per_call: z.number(),
          usd_per_million_tokens: number,
        })
        .nullable()
        .describe("Self-hosted models that have a cost per hour"),
      determinism: z
        .looseObject({ prompts: z.number(), agreement: number, agreement_plain: number })
        .nullable()
        .describe("Of prompts that came more than once; where asked for"),
      pareto: z
        .enum(["front", "beaten", "perhaps_beaten", "unknown"])
        .describe(
          "Whether another model is both cheaper and better; perhaps: within the intervals",
        ),
      beaten_by: z.array(z.string()),
    }),
  ),
});

interface Measured {
  provider: string;
  model: string;
  values: Record<string, unknown>;
}

type Quality = {
  mean: number | null;
  low: number | null;
  high: number | null;
  n: number;
  too_few: boolean;
};

export async function readModels({
  store,
  query,
  nowMs,
  prices,
  catalogue,
}: ApiCall): Promise<z.input<typeof modelsAnswer>> {
  const {
    from,
    to,
    metric,
    determinism: wanted,
    ...filters
  } = readParameters(modelsShape(nowMs), query);
  checkRange(from, to);
  const question = {
    fromMs: from,
    toMs: to,
    filters,
    exclude: {},
    step: undefined,
    limit: MOST_MODELS,
  };
  const [calls, asked, quality, alike] = await Promise.all([
    readRollup(store, { ...question, by: ["provider", "model"], measures: MEASURED }),
    readRollup(store, {
      ...question,
      by: ["provider", "request_model", "response_model"],
      measures: ["calls", "errors"],
    }),
    readQualityOf(store, {
      from,
      to,
      by: ["provider", "model"],
      step: undefined,
      about: "system",
      metric: [metric],
      filters,
    }),
    wanted ? readAgreement(store, { from, to, project: filters.project }, nowMs) : undefined,
  ]);
  const hours = (Date.parse(calls.to) - Date.parse(calls.from)) / 3_600_000;
  const qualityOf = new Map(
    quality.map((row) => [
      JSON.stringify([row["provider"], row["model"]]),
      row as unknown as Quality,
    ]),
  );
  const rows = withFailures(calls.rows, asked.rows).map((row) => {
    const found = qualityOf.get(JSON.stringify([row.provider, row.model]));
    const price = prices.resolve(row.provider, row.model, Date.parse(calls.to) - 1);
    const entry = catalogued(catalogue, row.provider, row.model);
    return {
      ...modelOf(row, found, price),
      catalogue: entry ? factsOf(entry) : null,
      hosted: hostedOf(row, entry, hours),
      determinism: alike?.get(row.model) ?? null,
    };
  });
  return {
    from: calls.from,
    to: calls.to,
    metric,
    units: Object.fromEntries(MEASURED.map((name) => [name, MEASURES[name].unit])),
    models: rows
      .map((row) => ({ ...row, ...standing(row, rows) }))
      .toSorted((a, b) => b.calls - a.calls || a.model.localeCompare(b.model)),
  };
}

function factsOf({ hosting, region, modality, ...rest }: CatalogueEntry) {
  return {
    hosting,
    region: region ?? null,
    modality: [...modality],
    fine_tuned_from: rest.fine_tuned_from ?? null,
    context_tokens: rest.context_tokens ?? null,
    usd_per_hour: rest.usd_per_hour ?? null,
  };
}

function hostedOf({ values }: Measured, entry: CatalogueEntry | undefined, hours: number) {
  if (entry?.usd_per_hour === undefined) return null;
  const total = entry.usd_per_hour * hours;
  const tokens = Number(values["input_tokens"]) + Number(values["output_tokens"]);
  return {
    usd: total,
    usd_per_call: total / Number(values["calls"]),
    usd_per_million_tokens: tokens === 0 ? null : (total / tokens) * 1e6,
  };
}

type Agreement = {
  prompts: number;
  agreement: number | null;
  agreement_plain: number | null;
};

async function readAgreement(
  store: ApiCall["store"],
  { from, to, project }: { from: number; to: number; project: string[] | undefined },
  nowMs: number,
): Promise<Map<string, Agreement>> {
  const query = { from: String(from), to: String(to), ...(project && { project }) };
  const { models } = await readDeterminism(store, query, nowMs);
  return new Map(
    (models as (Agreement & { model: string })[]).map(
      ({ model, prompts, agreement, agreement_plain }) => [
        model,
        { prompts, agreement, agreement_plain },
      ],
    ),
  );
}

type Rows = Awaited<ReturnType<typeof readRollup>>["rows"];

/** Moves calls without an answer to the model that usually answers; latencies stay those of the calls that it answered. */
function withFailures(models: Rows, asked: Rows): Measured[] {
  const moved = new Map<string, { calls: number; errors: number }>();
  const move = (provider: string, model: string, calls: number, errors: number): void => {
    const key = JSON.stringify([provider, model]);
    const known = moved.get(key) ?? { calls: 0, errors: 0 };
    moved.set(key, { calls: known.calls + calls, errors: known.errors + errors });
  };
  for (const { key, values } of asked) {
    const { provider = "", request_model: model = "", response_model: answered } = key;
    const usual = answered === "" ? usualAnswer(asked, provider, model) : undefined;
    if (usual === undefined) continue;
    const [calls, errors] = [Number(values["calls"]), Number(values["errors"])];
    move(provider, model, -calls, -errors);
    move(provider, usual, calls, errors);
  }
  return models.flatMap(({ key, values }) => {
    const { provider = "", model = "" } = key;
    const change = moved.get(JSON.stringify([provider, model])) ?? { calls: 0, errors: 0 };
    const calls = Number(values["calls"]) + change.calls;
    const errors = Number(values["errors"]) + change.errors;
    return calls > 0 ? [{ provider, model, values: { ...values, calls, errors } }] : [];
  });
}

function usualAnswer(asked: Rows, provider: string, model: string): string | undefined {
  const answered = asked.filter(
    ({ key }) =>
      key["provider"] === provider &&
      key["request_model"] === model &&
      key["response_model"] !== "",
  );
  const [most] = answered.toSorted((a, b) => Number(b.values["calls"]) - Number(a.values["calls"]));
  return most?.key["response_model"];
}

function modelOf(
  { provider, model, values }: Measured,
  quality: Quality | undefined,
  price: Price | undefined,
) {
  const calls = Number(values["calls"]);
  const errors = Number(values["errors"]);
  const perCall = values["cost_per_call"] as number | null;
  return {
    ...(values as Record<(typeof MEASURED)[number], number | null>),
    provider,
    model,
    calls,
    cost: values["cost"] as string | null,
    error_share: { value: errors / calls, ...wilson(Math.min(errors, calls), calls) },
    quality: quality ? pick(quality) : null,
    usd_per_quality_point: perPoint(perCall, quality),
    price: price ? ratesOf(price) : null,
  };
}

function pick({ mean, low, high, n, too_few }: Quality): Quality {
  return { mean, low, high, n, too_few };
}

function perPoint(perCall: number | null, quality: Quality | undefined) {
  if (perCall === null || !quality?.mean) return null;
  const over = (share: number | null): number | null => (share ? perCall / share : null);
  return { value: perCall / quality.mean, low: over(quality.high), high: over(quality.low) };
}

/** Of the first tier: 1 pico-USD a token is 1e-6 USD a million. */
function ratesOf(price: Price) {
  const { input, output } = price.entries[0]!.picoUsd;
  return {
    price_id: price.id,
    input_usd_per_million: input / 1e6,
    output_usd_per_million: output / 1e6,
  };
}

type Model = ReturnType<typeof modelOf>;

/** On the front: nobody is cheaper and better at once. Beaten for sure: somebody is, beyond the intervals of both. */
function standing(row: Model, all: readonly Model[]) {
  const known = (one: Model): boolean => one.cost_per_call !== null && one.quality?.mean != null;
  if (!known(row)) return { pareto: "unknown" as const, beaten_by: [] };
  const better = all.filter((other) => other !== row && known(other) && beats(other, row));
  const sure = better.some(({ quality }) => apart(quality, row.quality));
  const pareto = better.length === 0 ? "front" : sure ? "beaten" : "perhaps_beaten";
  return { pareto, beaten_by: better.map(({ model }) => model) } as const;
}

function apart(better: Quality | null, worse: Quality | null): boolean {
  if (!better || !worse || better.too_few || worse.too_few) return false;
  return (better.low ?? 0) > (worse.high ?? 1);
}

function beats(one: Model, other: Model): boolean {
  const cheaper = one.cost_per_call! - other.cost_per_call!;
  const better = one.quality!.mean! - other.quality!.mean!;
  return cheaper <= 0 && better >= 0 && (cheaper < 0 || better > 0);
}
