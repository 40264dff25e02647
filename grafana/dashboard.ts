/** What its author wrote → Grafana's classic model, by Grafana's own builders. */
import type { Builder, Dataquery } from "@grafana/grafana-foundation-sdk/cog";
import { PanelBuilder as BarChart } from "@grafana/grafana-foundation-sdk/barchart";
import {
  StackingConfigBuilder,
  StackingMode,
  ReduceDataOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  DashboardBuilder,
  DashboardLinkBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  TextBoxVariableBuilder,
  VariableRefresh,
  type AnnotationQuery,
  type Dashboard,
  type GridPos,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { PanelBuilder as Stat } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as Table } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as Timeseries } from "@grafana/grafana-foundation-sdk/timeseries";
import { DASHBOARDS } from "./dashboards.ts";
import type { DashboardSpec, PanelSpec } from "./panel.ts";

const TYPE = "grafana-clickhouse-datasource";
/** The dashboard's own choice. */
const SOURCE = { type: TYPE, uid: "${datasource}" };
const COLUMNS = 24;
/** Of the query's answer: a series by time, or rows. */
const FORMAT = { timeseries: 0, table: 1 };

/** @param page where Assay's page is */
export function dashboardOf(spec: DashboardSpec, page = "http://127.0.0.1:8080"): Dashboard {
  const builder = new DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.description)
    .tags(["assay"])
    .readonly()
    .timezone("browser")
    .time({ from: spec.from ?? "now-7d", to: "now" })
    .refresh("1m")
    .withVariable(
      new DatasourceVariableBuilder("datasource")
        .label("Data source")
        .type(TYPE)
        .regex("")
        .multi(false),
    )
    .withVariable(
      new QueryVariableBuilder("project")
        .label("Project")
        .datasource(SOURCE)
        .query("SELECT DISTINCT project FROM assay.llm_1d ORDER BY project")
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .multi(!spec.oneProject)
        .includeAll(!spec.oneProject)
        .current(spec.oneProject ? { text: "", value: "" } : { text: "All", value: "$__all" }),
    )
    .withVariable(new TextBoxVariableBuilder("page").label("Assay's page").defaultValue(page));
  for (const { name, label, sql } of spec.variables ?? [])
    builder.withVariable(
      new QueryVariableBuilder(name)
        .label(label)
        .datasource(SOURCE)
        .query(sql)
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .multi(true)
        .includeAll(true)
        .current({ text: "All", value: "$__all" }),
    );
  for (const other of DASHBOARDS)
    if (other.uid !== spec.uid)
      builder.link(
        new DashboardLinkBuilder(other.title)
          .type("link" as never)
          .url(`/d/${other.uid}`)
          .includeVars(true)
          .keepTime(true),
      );
  let id = 0;
  let top = 0;
  for (const row of spec.rows) {
    builder.withRow(new RowBuilder(row.title).id(++id).gridPos(placed(0, top++, COLUMNS, 1)));
    let [left, highest] = [0, 0];
    for (const panel of row.panels) {
      const { width, height } = sizeOf(panel);
      if (left + width > COLUMNS) [left, top, highest] = [0, top + highest, 0];
      builder.withPanel(
        panelOf(panel)
          .id(++id)
          .gridPos(placed(left, top, width, height)),
      );
      left += width;
      highest = Math.max(highest, height);
    }
    top += highest;
  }
  const dashboard = builder.build();
  return spec.deploys === false
    ? dashboard
    : { ...dashboard, annotations: { list: [DEPLOYS as unknown as AnnotationQuery] } };
}

/** Each release and prompt version when it was seen first. */
const DEPLOYS = {
  name: "Deployments",
  datasource: SOURCE,
  enable: true,
  hide: false,
  iconColor: "purple",
  target: {
    refId: "deployments",
    datasource: SOURCE,
    editorType: "sql",
    queryType: "table",
    format: FORMAT.table,
    rawSql: `SELECT min(first_seen) AS time, concat(if(service = '', project, service), ': ', kind, ' ', value) AS text, kind AS tags
FROM assay.sightings WHERE kind IN ('release', 'prompt') AND project IN (\${project:singlequote})
GROUP BY project, service, kind, value HAVING time >= $__fromTime AND time <= $__toTime ORDER BY time, text LIMIT 200`,
  },
};

function placed(x: number, y: number, w: number, h: number): GridPos {
  return { x, y, w, h };
}

function sizeOf({ kind, width, height }: PanelSpec): { width: number; height: number } {
  const isStat = kind === "stat";
  return { width: width ?? (isStat ? 6 : 12), height: height ?? (isStat ? 4 : 9) };
}

function panelOf(spec: PanelSpec) {
  const panel = started(spec)
    .title(spec.title)
    .description(spec.description)
    .datasource(SOURCE)
    .unit(spec.unit)
    .withTarget(queryOf(spec));
  if (spec.decimals !== undefined) panel.decimals(spec.decimals);
  if (spec.min !== undefined) panel.min(spec.min);
  if (spec.max !== undefined) panel.max(spec.max);
  for (const [column, unit] of Object.entries(spec.units ?? {}))
    panel.overrideByName(column, [{ id: "unit", value: unit }]);
  return panel;
}

function started({ kind, stacked, traceColumn }: PanelSpec) {
  switch (kind) {
    case "timeseries": {
      const panel = new Timeseries().fillOpacity(stacked ? 60 : 8).spanNulls(true);
      return stacked
        ? panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal))
        : panel;
    }
    case "stat":
      return new Stat().reduceOptions(
        new ReduceDataOptionsBuilder().calcs(["lastNotNull"]).fields("").values(false),
      );
    case "barchart":
      return new BarChart();
    case "table": {
      const panel = new Table();
      const link = { title: "The trace on Assay's page", url: "${page}/#/traces/${__value.raw}" };
      return traceColumn === undefined
        ? panel
        : panel.overrideByName(traceColumn, [{ id: "links", value: [link] }]);
    }
  }
}

/** There is no builder for this data source: its query is this object. */
function queryOf({ kind, sql }: PanelSpec): Builder<Dataquery> {
  const isSeries = kind === "timeseries";
  return {
    build: () => ({
      refId: "A",
      datasource: SOURCE,
      editorType: "sql",
      queryType: isSeries ? "timeseries" : "table",
      format: isSeries ? FORMAT.timeseries : FORMAT.table,
      rawSql: sql,
      _implementsDataqueryVariant: () => {},
    }),
  };
}
