/** What is committed under provisioning/ is what the sources say, and holds to the rules that Grafana does not check itself. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { builtFiles } from "./build.ts";
import { dashboardOf } from "./dashboard.ts";
import { DASHBOARDS } from "./dashboards.ts";
import { RULES } from "./rules.ts";

const PROVISIONING = join(import.meta.dirname, "provisioning");

test.each([...builtFiles()])("%s is as built: npm run build:grafana", (path, text) => {
  const file = join(PROVISIONING, path);
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
    expect(variables[1]).toMatchObject({ name: "project", refresh: 2, multi: true });
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

describe("alert rules", () => {
  const file = parse(builtFiles().get("alerting/assay.yaml")!) as {
    groups: { interval: string; rules: Record<string, unknown>[] }[];
  };
  const [group] = file.groups;

  test("ids and titles are unique and of Grafana's form", () => {
    expect(new Set(RULES.map(({ uid }) => uid)).size).toBe(RULES.length);
    expect(new Set(RULES.map(({ title }) => title)).size).toBe(RULES.length);
    for (const { uid } of RULES) expect(uid).toMatch(/^[A-Za-z0-9_-]{1,40}$/);
    expect(group!.interval).toBe("1m");
    expect(group!.rules).toHaveLength(RULES.length);
  });

  test.each(RULES)("$uid", ({ uid, sql, dashboard, panel, above, until }) => {
    const rule = group!.rules.find((one) => one["uid"] === uid)!;
    // What is left out means something else than one thinks: both are always said.
    expect(rule).toMatchObject({ noDataState: "OK", execErrState: "Error", condition: "T" });
    expect(rule["labels"]).toMatchObject({
      severity: expect.stringMatching(/^(page|ticket)$/) as string,
    });
    // In a label `{{ $labels.x }}` would be emptied.
    expect(JSON.stringify(rule["labels"])).not.toContain("$");
    expect(JSON.stringify(rule["annotations"])).not.toMatch(/\$\{/);
    const id = dashboardOf(DASHBOARDS.find((one) => one.uid === dashboard)!).panels?.find(
      ({ title }) => title === panel,
    )?.id;
    expect(rule["panelId"]).toBe(id);
    const [query] = rule["data"] as { model: Record<string, unknown>; relativeTimeRange: object }[];
    expect(query!.model).toMatchObject({ format: 1, intervalMs: 60_000 });
    // Neither variables nor a step of the dashboard's exist here.
    expect(sql).not.toMatch(/\$\{|\$__timeInterval|\$__interval/);
    if (until !== undefined) expect(until).toBeLessThan(above);
  });
});
