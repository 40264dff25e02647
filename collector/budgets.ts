/** The file that ASSAY_BUDGETS names: what a month may cost, overall, for a project, a model, a user (docs/budgets.md). */
import { z } from "zod";
import { parseConfigFile, readConfigFile } from "./config-file.ts";

const name = z.string().min(1).max(256);

const budget = z
  .strictObject({
    monthly_usd: z.number().gt(0).max(1_000_000_000),
    project: name.optional(),
    model: name.optional(),
    user: name.optional(),
    /** The amount is for each project, model or user by itself. */
    each: z.enum(["project", "model", "user"]).optional(),
  })
  .refine(({ each, ...rest }) => each === undefined || rest[each] === undefined, {
    message: "expected either one of a kind or each of it",
  });

const NAME = /^[a-z][a-z0-9-]{0,30}$/;

const file = z.strictObject({
  budgets: z.record(z.string(), budget).superRefine((budgets, context) => {
    const names = Object.keys(budgets);
    for (const one of names.filter((candidate) => !NAME.test(candidate)))
      context.addIssue({
        code: "custom",
        path: [one],
        message: "expected a name of up to 31 lower-case letters, digits and -",
      });
    if (names.length > 100) context.addIssue({ code: "custom", message: "expected up to 100" });
  }),
});

export interface Budget {
  name: string;
  monthlyUsd: number;
  project?: string | undefined;
  /** As it was asked for. */
  model?: string | undefined;
  user?: string | undefined;
  each?: "project" | "model" | "user" | undefined;
}

/** @throws ConfigFileError naming every problem */
export function readBudgets(setting: string | undefined): Budget[] {
  if (setting === undefined) return [];
  return parseBudgets(readConfigFile("ASSAY_BUDGETS", setting), setting);
}

export function parseBudgets(text: string, path: string): Budget[] {
  const { budgets } = parseConfigFile(text, path, file);
  return Object.entries(budgets).map(([budgetName, { monthly_usd: monthlyUsd, ...of }]) => ({
    name: budgetName,
    monthlyUsd,
    ...of,
  }));
}
