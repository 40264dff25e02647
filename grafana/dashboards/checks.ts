import type { DashboardSpec } from "../panel.ts";

const RESULTS =
  "assay.check_results WHERE $__timeFilter(event_time) AND (project IN (${project:singlequote}) OR project = '')";

export const checks: DashboardSpec = {
  uid: "assay-checks",
  title: "Checks",
  description: "What the collector's checks say, and since when.",
  rows: [
    {
      title: "Now",
      panels: [
        {
          kind: "stat",
          title: "Firing",
          description: "Checks whose newest verdict is that something is wrong.",
          unit: "short",
          sql: `SELECT countIf(state = 'firing') AS firing FROM (SELECT * FROM ${RESULTS} ORDER BY event_time DESC LIMIT 1 BY check_name, project, series)`,
        },
        {
          kind: "stat",
          title: "Last evaluated",
          description:
            "Seconds since any check was evaluated: when this grows, nothing below can be believed.",
          unit: "s",
          sql: `SELECT if(count() = 0, NULL, dateDiff('second', max(evaluated_at), now64())) AS seconds FROM ${RESULTS}`,
        },
        {
          kind: "table",
          title: "The newest verdicts",
          description: "What fires first.",
          unit: "short",
          width: 24,
          sql: `SELECT * FROM (
  SELECT check_name, project, series, state, severity, since, estimate, low, high, baseline, threshold, n, reason, event_time AS time
  FROM ${RESULTS} ORDER BY event_time DESC LIMIT 1 BY check_name, project, series
) ORDER BY state = 'firing' DESC, state = 'warn' DESC, check_name LIMIT 200`,
        },
      ],
    },
    {
      title: "Over time",
      panels: [
        {
          kind: "timeseries",
          title: "Verdicts by state",
          description: "How many series are in which state.",
          unit: "short",
          stacked: true,
          width: 24,
          sql: `SELECT $__timeInterval(event_time) AS time, state, uniqExact(check_name, project, series) AS verdicts FROM ${RESULTS} GROUP BY time, state ORDER BY time, state`,
        },
      ],
    },
  ],
};
