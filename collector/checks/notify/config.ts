/** Who is told of what, and when not. Addresses with secrets in them, and keys, come from the environment. */
import { z } from "zod";
import { duration } from "../duration.ts";
import { configFileError } from "../../config-file.ts";

const variable = z.strictObject({
  env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "expected a variable's name"),
});
const address = z.union([z.url({ protocol: /^https?$/ }), variable], {
  error: 'expected an http(s) address or {"env": "VARIABLE"}',
});
const severities = z.array(z.enum(["page", "ticket"])).min(1);
const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,30}$/, "expected lower-case letters, digits, -");
const projects = z.array(z.string().min(1).max(256)).min(1).optional();
const common = { name, severities: severities.default(["page"]), projects };

const channel = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("webhook"), ...common, url: address, secret: variable }),
  z.strictObject({
    kind: z.literal("pagerduty"),
    ...common,
    routing_key: variable,
    url: address.default("https://events.pagerduty.com/v2/enqueue"),
  }),
  z.strictObject({
    kind: z.literal("opsgenie"),
    ...common,
    api_key: variable,
    url: address.default("https://api.opsgenie.com/v2/alerts"),
  }),
  z.strictObject({ kind: z.literal("slack"), ...common, url: variable.or(address) }),
  z.strictObject({
    kind: z.literal("email"),
    ...common,
    /** `smtp://host:25`, `smtps://user:password@host:465`; smtp uses STARTTLS where the server has it. */
    smtp: z.union([z.url({ protocol: /^smtps?$/ }), variable], {
      error: 'expected an smtp(s) address or {"env": "VARIABLE"}',
    }),
    from: z.string().min(3).max(320),
    to: z.array(z.email()).min(1).max(50),
  }),
]);

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
const clock = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected a time of day (UTC) like "22:00"');
const mute = z.strictObject({
  /** @default every day */
  days: z
    .array(z.enum(DAYS))
    .min(1)
    .default([...DAYS]),
  from: clock,
  /** Before `from`: on the next day. */
  to: clock,
  projects,
});

export const notifySection = z.strictObject({
  /** Where the page is, for links in messages. */
  page: z.url({ protocol: /^https?$/ }).default("http://127.0.0.1:8080"),
  channels: z.array(channel).min(1).max(20),
  /** What fires together within this time is one message. */
  wait: duration.default(30),
  /** An incident that lasts is told again after this. */
  repeat: duration.default(14_400),
  mute: z.array(mute).max(20).default([]),
  /** Asked (GET) once a minute while checks are evaluated; a dead-man's switch pages when it stops. */
  heartbeat: address.optional(),
});

type Section = z.output<typeof notifySection>;
type Resolved<T> = T extends unknown
  ? {
      [K in keyof T]: K extends "url" | "secret" | "routing_key" | "api_key" | "smtp"
        ? string
        : T[K];
    }
  : never;
export type Channel = Resolved<Section["channels"][number]>;

export interface NotifyConfig extends Omit<Section, "channels" | "heartbeat"> {
  channels: Channel[];
  heartbeat: string | undefined;
}

/** @throws ConfigFileError for variables that are not set, and names that come twice */
export function notifyConfigOf(
  section: Section,
  env: NodeJS.ProcessEnv,
  file: string,
): NotifyConfig {
  const problems: string[] = [];
  const resolve = (value: string | { env: string }, place: string): string => {
    if (typeof value === "string") return value;
    const found = env[value.env];
    if (!found)
      problems.push(`${place}: expected the environment to have ${value.env}, which is not set`);
    return found ?? "";
  };
  const channels = section.channels.map((one, i): Channel => {
    const resolved = Object.entries(one).map(([key, value]) => [
      key,
      typeof value === "object" && !Array.isArray(value)
        ? resolve(value, `notify.channels.${i}.${key}`)
        : value,
    ]);
    return Object.fromEntries(resolved) as Channel;
  });
  const twice = channels.filter((one, i) => channels.findIndex((c) => c.name === one.name) !== i);
  for (const one of twice)
    problems.push(`notify.channels: expected each name once, got "${one.name}" twice`);
  const heartbeat = section.heartbeat && resolve(section.heartbeat, "notify.heartbeat");
  if (problems.length > 0) throw configFileError(file, problems);
  return { ...section, channels, heartbeat };
}

/** Whether nothing is said of this project now. */
export function isMuted(
  { mute: windows }: Pick<NotifyConfig, "mute">,
  project: string,
  unixMs: number,
): boolean {
  return windows.some(({ days, from, to, projects: only }) => {
    if (only && !only.includes(project)) return false;
    const at = new Date(unixMs);
    const time = at.toISOString().slice(11, 16);
    const today = days.includes(DAYS[at.getUTCDay()]!);
    if (from <= to) return today && time >= from && time < to;
    const yesterday = days.includes(DAYS[(at.getUTCDay() + 6) % 7]!);
    return (today && time >= from) || (yesterday && time < to);
  });
}
