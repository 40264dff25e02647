/** All dashboards that are shipped. A file added to dashboards/, and its line here, adds one. */
import { checks } from "./dashboards/checks.ts";
import { collectorHealth } from "./dashboards/collector-health.ts";
import { costOfProject } from "./dashboards/cost-of-project.ts";
import { costReview } from "./dashboards/cost-review.ts";
import { determinism } from "./dashboards/determinism.ts";
import { guardrails } from "./dashboards/guardrails.ts";
import { judges } from "./dashboards/judges.ts";
import { modelMesh } from "./dashboards/model-mesh.ts";
import { quality } from "./dashboards/quality.ts";
import { rag } from "./dashboards/rag.ts";
import type { DashboardSpec } from "./panel.ts";

export const DASHBOARDS: readonly DashboardSpec[] = [
  quality,
  costReview,
  costOfProject,
  modelMesh,
  rag,
  judges,
  guardrails,
  determinism,
  checks,
  collectorHealth,
];
