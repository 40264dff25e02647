/**
 * The checks that watch over budgets: the shipped `spend-forecast` and `spend-burn`, once for each budget, under the names
 * `spend-forecast-NAME` and `spend-burn-NAME`. What is changed of the two in the file of ASSAY_CHECKS holds for all.
 *
 * A user's cost is kept by day: their budgets have a forecast alone. Budgets for each user are watched by nobody, since they
 * may be many thousands; the page and `/api/v1/budgets` have them.
 */
import type { Budget } from "../budgets.ts";
import type { Check, TestOf } from "./definition.ts";
import { measures } from "./measure.ts";

const KINDS = ["spend-forecast", "spend-burn"] as const;

export function budgetChecks(budgets: readonly Budget[], templates: readonly Check[]): Check[] {
  return budgets.flatMap((budget) => {
    if (budget.each === "user") return [];
    const kinds = budget.user === undefined ? KINDS : KINDS.slice(0, 1);
    return kinds.flatMap((kind) => {
      const template = templates.find(({ name }) => name === kind);
      return template?.test.kind === "budget" ? [checkOf(budget, template, template.test)] : [];
    });
  });
}

function checkOf(budget: Budget, template: Check, test: TestOf<"budget">): Check {
  const { name, monthlyUsd, project, model, user, each } = budget;
  const measureName = user === undefined ? "cost" : "cost_of_user";
  return {
    ...template,
    name: `${template.name}-${name}`,
    about: `${template.about} The budget: ${name}.`,
    measureName,
    measure: measures[measureName],
    by: each === "model" ? ["model"] : [],
    across_projects: project === undefined && each !== "project",
    where: {
      ...(project !== undefined && { project: [project] }),
      ...(model !== undefined && { model: [model] }),
      ...(user !== undefined && { user: [user] }),
    },
    test: { ...test, monthly_usd: monthlyUsd },
  };
}
