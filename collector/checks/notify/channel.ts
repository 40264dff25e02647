/** A message as each service wants it: one request or one mail, made here and sent by the notifier. */
import { createHmac } from "node:crypto";
import type { Channel } from "./config.ts";
import { type Mail, mailOf } from "./mail.ts";
import { type Message, severityOf } from "./incident.ts";
import { ALL, wordsOf } from "./message.ts";

export interface HttpDelivery {
  url: string;
  headers: Record<string, string>;
  body: string;
}

export type Delivery = HttpDelivery | { smtp: string; mail: Mail };

/** Undefined: this service is not told of that. */
export function deliveryOf(
  channel: Channel,
  message: Message,
  { page, nowUnixMs }: { page: string; nowUnixMs: number },
): Delivery | undefined {
  switch (channel.kind) {
    case "webhook":
      return webhook(channel, message, page, nowUnixMs);
    case "pagerduty":
      return pagerDuty(channel, message, page);
    case "opsgenie":
      return opsgenie(channel, message, page);
    case "slack":
      return slack(channel, message, page);
    case "email":
      return { smtp: channel.smtp, mail: mailOf(channel, message, page) };
  }
}

type Of<Kind extends Channel["kind"]> = Extract<Channel, { kind: Kind }>;
const JSON_TYPE = { "content-type": "application/json" };

/** `Assay-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`. */
function webhook(
  channel: Of<"webhook">,
  message: Message,
  page: string,
  nowUnixMs: number,
): HttpDelivery {
  const { occasion, incident } = message;
  const body = JSON.stringify({
    event: occasion,
    incident: { ...incident, alerts: Object.values(incident.alerts) },
    severity: severityOf(incident),
    ...wordsOf(message, page),
  });
  const time = Math.floor(nowUnixMs / 1_000);
  const signature = createHmac("sha256", channel.secret).update(`${time}.${body}`).digest("hex");
  return {
    url: channel.url,
    headers: { ...JSON_TYPE, "assay-signature": `t=${time},v1=${signature}` },
    body,
  };
}

/** Events API v2: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ */
function pagerDuty(
  channel: Of<"pagerduty">,
  message: Message,
  page: string,
): HttpDelivery | undefined {
  const { occasion, incident } = message;
  // PagerDuty itself repeats what nobody acknowledges.
  if (occasion === "again") return undefined;
  const { title, lines, link } = wordsOf(message, page);
  const event =
    occasion === "resolved" || occasion === "acknowledged"
      ? { event_action: occasion === "resolved" ? "resolve" : "acknowledge" }
      : {
          event_action: "trigger",
          links: [{ href: link, text: "Checks" }],
          payload: {
            summary: title.slice(0, 1024),
            source: incident.project || ALL,
            severity: severityOf(incident) === "page" ? "critical" : "warning",
            component: incident.subject,
            timestamp: new Date(incident.openedUnixMs).toISOString(),
            custom_details: { details: lines.join("\n") },
          },
        };
  return {
    url: channel.url,
    headers: JSON_TYPE,
    body: JSON.stringify({ routing_key: channel.routing_key, dedup_key: incident.id, ...event }),
  };
}

/** Alert API: https://docs.opsgenie.com/docs/alert-api */
function opsgenie(
  channel: Of<"opsgenie">,
  message: Message,
  page: string,
): HttpDelivery | undefined {
  const { occasion, incident } = message;
  if (occasion === "again") return undefined;
  const headers = { ...JSON_TYPE, authorization: `GenieKey ${channel.api_key}` };
  if (occasion === "resolved" || occasion === "acknowledged") {
    const action = occasion === "resolved" ? "close" : "acknowledge";
    const url = `${channel.url}/${incident.id}/${action}?identifierType=alias`;
    return { url, headers, body: JSON.stringify({ source: "assay" }) };
  }
  const { title, lines, link } = wordsOf(message, page);
  const body = JSON.stringify({
    message: title.slice(0, 130),
    alias: incident.id,
    description: [title, ...lines, link].join("\n").slice(0, 15_000),
    priority: severityOf(incident) === "page" ? "P1" : "P3",
    source: "assay",
    tags: [incident.project || ALL, incident.subject],
  });
  return { url: channel.url, headers, body };
}

const MARK = {
  open: ":red_circle:",
  again: ":large_orange_circle:",
  acknowledged: ":eyes:",
  resolved: ":large_green_circle:",
};

/** Incoming webhooks. Names come from services: what Slack takes for markup is escaped. */
function slack(channel: Of<"slack">, message: Message, page: string): HttpDelivery {
  const { title, lines, link } = wordsOf(message, page);
  const text = [`${MARK[message.occasion]} *${escaped(title)}*`, ...lines.map(escaped), link].join(
    "\n",
  );
  return {
    url: channel.url,
    headers: JSON_TYPE,
    body: JSON.stringify({ text: text.slice(0, 30_000), unfurl_links: false }),
  };
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
