/** By the dashboard's uid. */
import { checks } from "./checks.ts";
import { collector } from "./collector.ts";
import { costOfProject, costReview } from "./cost.ts";
import { determinism } from "./determinism.ts";
import type { ExpectedPanels } from "./expected.ts";
import { guardrails } from "./guardrails.ts";
import { judges } from "./judges.ts";
import { models } from "./models.ts";
import { quality } from "./quality.ts";
import { rag } from "./rag.ts";

export const EXPECTED: Readonly<Record<string, ExpectedPanels>> = {
  "assay-quality": quality,
  "assay-cost": costReview,
  "assay-cost-project": costOfProject,
  "assay-models": models,
  "assay-rag": rag,
  "assay-judges": judges,
  "assay-guardrails": guardrails,
  "assay-determinism": determinism,
  "assay-checks": checks,
  "assay-collector": collector,
};
