import type { DashboardSpec } from "../panel.ts";

const IN_RANGE = "$__timeFilter(event_time) AND project IN (${project:singlequote})";

/** The newest state of each series, of the range. */
const NEWEST = `WITH newest AS (SELECT check_name, project, series, argMax(severity, event_time) AS severity, argMax(state, event_time) AS state
  FROM assay.check_results WHERE ${IN_RANGE} GROUP BY check_name, project, series)`;
/** Of those that fire, the newest row: the others' sentences are not read. */
const FIRING = `(check_name, project, series, event_time) IN (SELECT check_name, project, series, max(event_time) FROM assay.check_results
  WHERE ${IN_RANGE} GROUP BY check_name, project, series HAVING argMax(state, event_time) = 'firing')`;

export const checks: DashboardSpec = {
  uid: "assay-checks",
  title: "Checks",
  description:
    "What the collector's checks found: what got worse, by how much, since when, how sure.",
  from: "now-24h",
  variables: [
    {
      name: "check",
      label: "Check",
      sql: "SELECT DISTINCT check_name FROM assay.check_results WHERE event_time >= $__fromTime AND event_time <= $__toTime ORDER BY check_name",
    },
  ],
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
          description:
            "How long before the end of the range any check was evaluated; more than a few minutes mean that none is.",
          unit: "s",
          sql: `SELECT dateDiff('second', max(evaluated_at), $__toTime) AS seconds FROM assay.check_results WHERE $__timeFilter(event_time) HAVING count() > 0`,
        },
        {
          kind: "table",
          title: "What fires, and why",
          description:
            "With the interval and number of records that it rests on, and the worst trace.",
          unit: "short",
          width: 24,
          traceColumn: "trace_id",
          sql: `SELECT severity, project, check_name AS check, series, reason, estimate, low, high, baseline, n, toString(since) AS since, arrayElement(worst_traces, 1) AS trace_id
FROM assay.check_results WHERE ${IN_RANGE} AND ${FIRING} ORDER BY severity, project, check, series LIMIT 1 BY check_name, project, series LIMIT 200`,
        },
      ],
    },
    {
      title: "Incidents",
      panels: [
        {
          kind: "table",
          title: "What people were told of",
          description: "Of the collector's own notifier: open ones first, and who looks at them.",
          unit: "short",
          width: 24,
          sql: `SELECT any(i.project) AS project, any(i.subject) AS subject, argMaxIf(i.title, i.at, i.event IN ('open', 'again')) AS title, minIf(i.at, i.event = 'open') AS opened,
  if(countIf(i.event = 'resolved') > 0, toString(maxIf(i.at, i.event = 'resolved')), 'open') AS over, argMaxIf(i.by, i.at, i.event = 'acknowledge') AS acknowledged_by
FROM assay.incidents AS i WHERE $__timeFilter(i.at) AND i.project IN (\${project:singlequote}) GROUP BY incident_id ORDER BY over = 'open' DESC, opened DESC, incident_id LIMIT 100`,
        },
      ],
    },
    {
      title: "Over time",
      panels: [
        {
          kind: "timeseries",
          title: "What a check saw",
          description: "Estimate and limit of the series of one check: choose it above.",
          unit: "short",
          width: 24,
          sql: `SELECT $__timeInterval(event_time) AS time, concat(check_name, ' ', project, ' ', r.series) AS series, avg(r.estimate) AS estimate, avg(r.threshold) AS threshold
FROM assay.check_results AS r WHERE $__timeFilter(event_time) AND project IN (\${project:singlequote}) AND check_name IN (\${check:singlequote}) AND r.estimate IS NOT NULL GROUP BY time, series ORDER BY time, series LIMIT 5000`,
        },
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
