/** The file that ASSAY_MODELS names: what models are and where they run (docs/models.md). */
import { z } from "zod";
import { parseConfigFile, readConfigFile } from "./config-file.ts";

const text = z.string().min(1).max(256);

const entry = z
  .strictObject({
    provider: text.optional(),
    model: z
      .string()
      .regex(
        /^[^*]{1,256}\*?$/,
        'expected a model, or the beginning of models with "*" at its end',
      ),
    hosting: z.enum(["api", "self-hosted"]).default("api"),
    region: text.optional(),
    modality: z
      .array(z.enum(["text", "image", "audio", "video", "embedding"]))
      .min(1)
      .default(["text"]),
    fine_tuned_from: text.optional(),
    context_tokens: z.number().int().min(1).max(1_000_000_000).optional(),
    usd_per_hour: z.number().min(0).max(1_000_000).optional(),
  })
  .refine(
    ({ hosting, usd_per_hour: hourly }) => hourly === undefined || hosting === "self-hosted",
    {
      path: ["usd_per_hour"],
      message: "expected only of models whose hosting is self-hosted",
    },
  );

const file = z.strictObject({ models: z.array(entry).max(10_000) });

type Entry = z.output<typeof entry>;

/** @throws ConfigFileError naming every problem */
export function readModelCatalogue(setting: string | undefined): Entry[] {
  if (setting === undefined) return [];
  return parseModelCatalogue(readConfigFile("ASSAY_MODELS", setting), setting);
}

export function parseModelCatalogue(yaml: string, path: string): Entry[] {
  return parseConfigFile(yaml, path, file).models;
}
