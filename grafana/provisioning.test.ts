/** What is committed under provisioning/ is what the sources say, and holds to the rules that Grafana does not check itself. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { builtFiles } from "./build.ts";
import { dashboardOf } from "./dashboard.ts";
import { DASHBOARDS } from "./dashboards.ts";
import { withRules } from "./page.ts";
import { panelIdOf } from "./rule-file.ts";
import { CHECK_RULES, RULES } from "./rules.ts";

const HERE = import.meta.dirname;

test.each([...builtFiles()])("%s is as built: npm run build:grafana", (path, text) => {
  const file = join(HERE, path);
  expect(existsSync(file) && readFileSync(file, "utf8") === text).toBe(true);
});

describe.each(DASHBOARDS)("$title", (spec) => {
  const dashboard = dashboardOf(spec);
  const panels = (dashboard.panels ?? []).filter((one): one is Panel => one.type !== "row");

  test("a templated data source, projects that follow the range, nothing to edit", () => {
    const variables = dashboard.templating?.list ?? [];
    expect(variables[0]).toMatchObject({
      name: "datasource",
      label: "Data source",
      type: "datasource",
      query: "grafana-clickhouse-datasource",
    });
    expect(variables[1]).toMatchObject({ name: "project", refresh: 2, multi: !spec.oneProject });
    const queried = variables.filter(({ type }) => type === "query");
    expect(queried).toHaveLength(1 + (spec.variables ?? []).length);
    for (const one of queried)
      expect(one).toMatchObject({ refresh: 2, datasource: { uid: "${datasource}" } });
    const links = (dashboard.links ?? []).map(({ url }) => url);
    expect(links).toEqual(
      DASHBOARDS.filter(({ uid }) => uid !== spec.uid).map(({ uid }) => `/d/${uid}`),
    );
    expect(dashboard).toMatchObject({ editable: false, uid: spec.uid });
    expect(spec.uid).toMatch(/^[A-Za-z0-9_-]{1,40}$/);
    expect(spec.description).not.toBe("");
  });

  test("each panel has a title, a description, a unit, a query and a place of its own", () => {
    expect(panels).toHaveLength(spec.rows.flatMap((row) => row.panels).length);
    const ids = (dashboard.panels ?? []).map(({ id }) => id);
    expect(ids.every((id) => typeof id === "number" && id > 0)).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
    const cells = panels.flatMap(({ gridPos }) => {
      const { x, y, w, h } = gridPos!;
      expect(x + w).toBeLessThanOrEqual(24);
      return Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    for (const panel of panels) {
      expect(panel).toMatchObject({ datasource: { uid: "${datasource}" } });
      for (const text of [panel.title, panel.description, panel.fieldConfig?.defaults.unit])
        expect(text).toBeTruthy();
      const [target] = panel.targets as unknown as {
        rawSql: string;
        format: number;
        queryType: string;
      }[];
      expect([0, 1]).toContain(target!.format);
      expect(target!.queryType).toBe(target!.format === 0 ? "timeseries" : "table");
      // Series are sorted by time, or they cannot be drawn.
      if (target!.format === 0) expect(target!.rawSql).toMatch(/ORDER BY time/);
      if (panel.type === "stat")
        expect(panel.options).toMatchObject({ reduceOptions: { calcs: ["lastNotNull"] } });
    }
  });
});

/** A formatter pads the columns of tables. */
const unpadded = (text: string): string =>
  text.replaceAll(/ {2,}/g, " ").replaceAll(/-{3,}/g, "---");

test("docs/grafana.md shows the rules and their cases (npm run docs:grafana writes it)", () => {
  const page = readFileSync(join(HERE, "../docs/grafana.md"), "utf8");
  expect(unpadded(withRules(page))).toBe(unpadded(page));
});

describe("alert rules", () => {
  const { groups } = parse(builtFiles().get("provisioning/alerting/assay.yaml")!) as {
    groups: { name: string; rules: Record<string, unknown>[] }[];
  };
  const built = groups.flatMap(({ rules }) => rules);

  test("all are there; one says that the data source fails, the others keep what they were", () => {
    expect(built.map(({ uid }) => uid)).toEqual(RULES.map(({ uid }) => uid));
    const meta = built.filter(({ execErrState }) => execErrState === "Error");
    expect(meta.map(({ uid }) => uid)).toEqual(["assay-checks-stale"]);
  });

  test.each(RULES)("$uid", ({ uid, dashboard, panel, above, until, runbook, severity, sql }) => {
    const rule = built.find((one) => one["uid"] === uid)!;
    expect(rule["labels"]).toEqual({ severity });
    expect(rule["panelId"]).toBe(panelIdOf({ uid, dashboard, panel }));
    expect(existsSync(join(HERE, `../docs/runbooks/${runbook}.md`))).toBe(true);
    if (until !== undefined) expect(until).toBeLessThan(above);
    // Statistics exist once: rules on what checks look at read nothing else.
    if (CHECK_RULES.some((one) => one.uid === uid))
      expect(sql.match(/assay\.\w+/g)).toEqual(["assay.check_results"]);
  });
});
