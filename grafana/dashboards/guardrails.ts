import { CHOSEN, type DashboardSpec } from "../panel.ts";

const FROM = `assay.guardrail_1m WHERE ${CHOSEN} AND guard IN (\${guard:singlequote})`;
const STEP = "$__timeInterval(ts) AS time";

export const guardrails: DashboardSpec = {
  uid: "assay-guardrails",
  title: "Guardrails",
  description:
    "What guardrails look at, block, and let pass because they failed themselves; and what they cost in time.",
  from: "now-24h",
  variables: [
    {
      name: "guard",
      label: "Guard",
      sql: "SELECT DISTINCT guard FROM assay.guardrail_1m WHERE ts >= $__fromTime AND ts <= $__toTime ORDER BY guard",
    },
  ],
  rows: [
    {
      title: "In the range",
      panels: [
        {
          kind: "stat",
          title: "Checks",
          description: "How often a rule looked at something.",
          unit: "short",
          sql: `SELECT sum(r.checks) AS checks FROM ${FROM.replace("guardrail_1m", "guardrail_1m AS r")}`,
        },
        {
          kind: "stat",
          title: "Blocked",
          description: "Share of the checks that blocked.",
          unit: "percentunit",
          decimals: 2,
          sql: `SELECT sumIf(r.checks, action = 'block') / nullIf(sum(r.checks), 0) AS share FROM ${FROM.replace("guardrail_1m", "guardrail_1m AS r")}`,
        },
        {
          kind: "stat",
          title: "Bypassed",
          description:
            "Checks that failed themselves and let pass what they should have looked at.",
          unit: "short",
          sql: `SELECT sumIf(r.checks, error != '' AND action IN ('pass', 'warn')) AS checks FROM ${FROM.replace("guardrail_1m", "guardrail_1m AS r")}`,
        },
        {
          kind: "stat",
          title: "Time of a check, 95 of 100",
          description: "What one check adds to an answer.",
          unit: "ms",
          sql: `SELECT quantilesBFloat16Merge(0.5, 0.95, 0.99)(latency_ms_sketch)[2] AS p95 FROM ${FROM}`,
        },
      ],
    },
    {
      title: "Over time",
      panels: [
        {
          kind: "timeseries",
          title: "Share that does something, by rule",
          description:
            "Warned, redacted, blocked or fell back. A shift means that inputs changed, or a rule.",
          unit: "percentunit",
          sql: `SELECT ${STEP}, check_name AS rule, sumIf(checks, action != 'pass') / nullIf(sum(checks), 0) AS share FROM ${FROM} GROUP BY time, rule ORDER BY time, rule`,
        },
        {
          kind: "timeseries",
          title: "Blocked, by rule",
          description: "How many.",
          unit: "short",
          stacked: true,
          sql: `SELECT ${STEP}, check_name AS rule, sumIf(checks, action = 'block') AS blocked FROM ${FROM} GROUP BY time, rule ORDER BY time, rule`,
        },
        {
          kind: "timeseries",
          title: "Checks that failed, by error",
          description:
            "A time-out or a fault of the rule itself; whether it lets pass or blocks is the guard's setting.",
          unit: "short",
          stacked: true,
          sql: `SELECT ${STEP}, concat(check_name, ': ', error) AS what, sum(checks) AS failed FROM ${FROM} AND error != '' GROUP BY time, what ORDER BY time, what`,
        },
        {
          kind: "timeseries",
          title: "Time of a check by rule, 95 of 100",
          description: "Added to every answer that it looks at.",
          unit: "ms",
          sql: `SELECT ${STEP}, check_name AS rule, quantilesBFloat16Merge(0.5, 0.95, 0.99)(latency_ms_sketch)[2] AS p95 FROM ${FROM} GROUP BY time, rule ORDER BY time, rule`,
        },
      ],
    },
    {
      title: "Rules",
      panels: [
        {
          kind: "table",
          title: "By rule and stage",
          description: "What each did.",
          unit: "short",
          units: { blocked_share: "percentunit", p95_ms: "ms" },
          sql: `SELECT guard, check_name AS rule, stage, sum(r.checks) AS checks, sumIf(r.checks, action = 'warn') AS warned, sumIf(r.checks, action = 'redact') AS redacted,
  sumIf(r.checks, action = 'block') AS blocked, blocked / nullIf(checks, 0) AS blocked_share, sumIf(r.checks, error != '') AS failed, sum(r.matches) AS matches,
  quantilesBFloat16Merge(0.5, 0.95, 0.99)(latency_ms_sketch)[2] AS p95_ms
FROM ${FROM.replace("guardrail_1m", "guardrail_1m AS r")} GROUP BY guard, rule, stage ORDER BY blocked DESC, checks DESC, guard, rule, stage LIMIT 200`,
        },
        {
          kind: "table",
          title: "Blocked and said to be wrong",
          description:
            "People's scores of guarded traces below the middle of their scale: false positives to look at. By the evaluations named guardrail….",
          unit: "short",
          traceColumn: "trace",
          sql: `SELECT event_time AS time, name, evaluator AS by, round(assumeNotNull(norm), 2) AS score, explanation, lower(hex(trace_id)) AS trace
FROM assay.evaluations WHERE $__timeFilter(event_time) AND project IN (\${project:singlequote}) AND startsWith(name, 'guardrail') AND status = 'ok' AND norm < 0.5
ORDER BY event_time DESC, name LIMIT 50`,
        },
      ],
    },
  ],
};
