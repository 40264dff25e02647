import type { DashboardSpec } from "../panel.ts";

/** The newest row of each series, of the range. */
const NEWEST = `WITH newest AS (SELECT * FROM assay.check_results WHERE $__timeFilter(event_time) AND project IN (\${project:singlequote})
  ORDER BY event_time DESC, evaluated_at DESC LIMIT 1 BY check_name, project, series)`;

export const checks: DashboardSpec = {
  uid: "assay-checks",
  title: "Checks",
  description:
    "What the collector's checks found: what got worse, by how much, since when, how sure.",
  from: "now-24h",
  rows: [
    {
      title: "Now",
      panels: [
        {
          kind: "stat",
          title: "Firing, page",
          description: "Series that somebody is or should be paged for.",
          unit: "short",
          sql: `${NEWEST} SELECT countIf(state = 'firing' AND severity = 'page') AS firing FROM newest`,
        },
        {
          kind: "stat",
          title: "Firing, ticket",
          description: "Series to look at in working hours.",
          unit: "short",
          sql: `${NEWEST} SELECT countIf(state = 'firing' AND severity = 'ticket') AS firing FROM newest`,
        },
        {
          kind: "stat",
          title: "Held back",
          description: "Checks of quality while the judge itself is in trouble.",
          unit: "short",
          sql: `${NEWEST} SELECT countIf(state = 'muted') AS muted FROM newest`,
        },
        {
          kind: "stat",
          title: "Evaluated last",
          description: "How long ago any check was evaluated; minutes mean that none is.",
          unit: "s",
          sql: `SELECT dateDiff('second', max(evaluated_at), now64()) AS seconds FROM assay.check_results WHERE $__timeFilter(event_time)`,
        },
        {
          kind: "table",
          title: "What fires, and why",
          description:
            "With the interval and number of records that it rests on, and the worst trace.",
          unit: "short",
          width: 24,
          traceColumn: "trace_id",
          sql: `${NEWEST} SELECT severity, project, check_name AS check, series, reason, estimate, low, high, baseline, n, toString(since) AS since, arrayElement(worst_traces, 1) AS trace_id
FROM newest WHERE state = 'firing' ORDER BY severity, project, check LIMIT 200`,
        },
      ],
    },
    {
      title: "Over time",
      panels: [
        {
          kind: "timeseries",
          title: "Firing series by check",
          description: "Most at once in each step.",
          unit: "short",
          stacked: true,
          sql: `SELECT $__timeInterval(event_time) AS time, check_name AS check, uniqExact(project, series) AS firing
FROM assay.check_results WHERE $__timeFilter(event_time) AND project IN (\${project:singlequote}) AND state = 'firing' GROUP BY time, check ORDER BY time, check`,
        },
        {
          kind: "timeseries",
          title: "Series by state",
          description: "What is too few to tell neither fires nor ends anything.",
          unit: "short",
          stacked: true,
          sql: `SELECT $__timeInterval(event_time) AS time, state, uniqExact(check_name, project, series) AS series
FROM assay.check_results WHERE $__timeFilter(event_time) AND project IN (\${project:singlequote}) GROUP BY time, state ORDER BY time, state`,
        },
      ],
    },
  ],
};
