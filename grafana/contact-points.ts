/**
 * Who is told, by service: a contact point, the policy that sends everything to it, and when tickets wait. Opt-in, one folder for
 * each: a policy replaces the whole tree of the organisation, and a setting whose variable is not set keeps Grafana from starting.
 */
const RECEIVER = "assay";
const NIGHTS = "assay-nights-and-weekends";
const ALWAYS = "assay-always";
const BY = ["alertname", "project"];

/** By name of the folder. The variables are of Grafana's own environment. */
const SERVICES: Readonly<Record<string, { type: string; settings: Record<string, string> }>> = {
  pagerduty: {
    type: "pagerduty",
    settings: {
      integrationKey: "$PAGERDUTY_KEY",
      severity: '{{ if eq .CommonLabels.severity "page" }}critical{{ else }}warning{{ end }}',
    },
  },
  opsgenie: {
    type: "opsgenie",
    settings: {
      apiKey: "$OPSGENIE_KEY",
      apiUrl: "https://api.opsgenie.com/v2/alerts",
      sendTagsAs: "both",
    },
  },
  slack: { type: "slack", settings: { url: "$SLACK_WEBHOOK" } },
  webhook: {
    type: "webhook",
    settings: {
      url: "$ALERT_WEBHOOK_URL",
      httpMethod: "POST",
      authorization_scheme: "Bearer",
      authorization_credentials: "$ALERT_WEBHOOK_TOKEN",
    },
  },
};

/** Contents by path under contact-points/. */
export function contactPointFiles(): ReadonlyMap<string, object> {
  return new Map(
    Object.entries(SERVICES).map(([name, { type, settings }]) => [
      `${name}/assay-${name}.yaml`,
      {
        apiVersion: 1,
        contactPoints: [
          { orgId: 1, name: RECEIVER, receivers: [{ uid: `assay-${name}`, type, settings }] },
        ],
        policies: [policy()],
        muteTimes: [
          {
            orgId: 1,
            name: NIGHTS,
            time_intervals: [
              { weekdays: ["saturday", "sunday"], location: "UTC" },
              { times: [{ start_time: "18:00", end_time: "24:00" }], location: "UTC" },
              { times: [{ start_time: "00:00", end_time: "08:00" }], location: "UTC" },
            ],
          },
          {
            orgId: 1,
            name: ALWAYS,
            time_intervals: [
              { times: [{ start_time: "00:00", end_time: "24:00" }], location: "UTC" },
            ],
          },
        ],
      },
    ]),
  );
}

function policy(): object {
  const route = (severity: string, more: object) => ({
    receiver: RECEIVER,
    object_matchers: [["severity", "=", severity]],
    group_by: BY,
    ...more,
  });
  return {
    orgId: 1,
    receiver: RECEIVER,
    group_by: BY,
    group_wait: "30s",
    group_interval: "5m",
    repeat_interval: "4h",
    routes: [
      route("page", {}),
      route("ticket", { repeat_interval: "24h", mute_time_intervals: [NIGHTS] }),
      route("info", { mute_time_intervals: [ALWAYS] }),
    ],
  };
}
