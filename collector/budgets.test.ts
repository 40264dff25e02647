import { expect, test } from "vitest";
import { parseBudgets } from "./budgets.ts";
import { parseChecksConfig } from "./checks/config.ts";

const BUDGETS = parseBudgets(
  `
budgets:
  company: { monthly_usd: 3000 }
  shop: { monthly_usd: 500, project: shop }
  each-project: { monthly_usd: 100, each: project }
  each-model: { monthly_usd: 100, each: model }
  alice: { monthly_usd: 20, user: alice }
  each-user: { monthly_usd: 5, each: user }
`,
  "budgets.yaml",
);

test("each budget has its checks, of the shipped ones and what was changed of them", () => {
  const { checks } = parseChecksConfig(
    "checks: { spend-burn: { test: { above: 9 } } }",
    {},
    "checks.yaml",
    BUDGETS,
  );
  const ofBudgets = checks.filter(({ test: { kind } }) => kind === "budget");
  expect(
    ofBudgets.map(({ name, by, where, across_projects: across, measureName, test: of }) => ({
      name,
      by,
      where,
      across,
      measureName,
      monthly: of.kind === "budget" ? of.monthly_usd : undefined,
      above: of.kind === "budget" ? of.above : undefined,
    })),
  ).toEqual([
    {
      name: "spend-forecast-company",
      by: [],
      where: {},
      across: true,
      measureName: "cost",
      monthly: 3000,
      above: 1,
    },
    {
      name: "spend-burn-company",
      by: [],
      where: {},
      across: true,
      measureName: "cost",
      monthly: 3000,
      above: 9,
    },
    {
      name: "spend-forecast-shop",
      by: [],
      where: { project: ["shop"] },
      across: false,
      measureName: "cost",
      monthly: 500,
      above: 1,
    },
    {
      name: "spend-burn-shop",
      by: [],
      where: { project: ["shop"] },
      across: false,
      measureName: "cost",
      monthly: 500,
      above: 9,
    },
    {
      name: "spend-forecast-each-project",
      by: [],
      where: {},
      across: false,
      measureName: "cost",
      monthly: 100,
      above: 1,
    },
    {
      name: "spend-burn-each-project",
      by: [],
      where: {},
      across: false,
      measureName: "cost",
      monthly: 100,
      above: 9,
    },
    {
      name: "spend-forecast-each-model",
      by: ["model"],
      where: {},
      across: true,
      measureName: "cost",
      monthly: 100,
      above: 1,
    },
    {
      name: "spend-burn-each-model",
      by: ["model"],
      where: {},
      across: true,
      measureName: "cost",
      monthly: 100,
      above: 9,
    },
    {
      name: "spend-forecast-alice",
      by: [],
      where: { user: ["alice"] },
      across: true,
      measureName: "cost_of_user",
      monthly: 20,
      above: 1,
    },
  ]);
});

test("a check that is off is off for budgets", () => {
  const { checks } = parseChecksConfig("checks: { spend-burn: off }", {}, "c.yaml", BUDGETS);
  expect(checks.some(({ name }) => name.startsWith("spend-burn"))).toBe(false);
  expect(checks.some(({ name }) => name === "spend-forecast-shop")).toBe(true);
});

test.each([
  ["budgets: { a: { monthly_usd: 0 } }", "budgets.a.monthly_usd"],
  ["budgets: { A: { monthly_usd: 1 } }", "budgets.A: expected a name"],
  ["budgets: { a: { monthly_usd: 1, team: x } }", "budgets.a"],
  ["budgets: { a: { monthly_usd: 1, project: x, each: project } }", "either one of a kind or each"],
  ["budget: {}", "budget"],
])("%s is refused", (text, message) => {
  expect(() => parseBudgets(text, "budgets.yaml")).toThrow(message);
});
