/**
 * Settings: environment variables, checked once at start.
 *
 * Each package declares its settings in a table of its own (`settings.ts` here, `collector/config.ts`,
 * `query-api/config.ts`); the command line merges them, so that a misspelt `ASSAY_…` is found whichever process
 * starts. Every problem is reported at once.
 */
import { z } from "zod";

export interface Setting<T = unknown> {
  /** Turns the variable's text into its value; the message of a failed check says what was expected. */
  schema: z.ZodType<T, string>;
  /** The text that stands for an unset variable; undefined: the setting is optional. */
  default: string | undefined;
  /** One sentence for the table in docs/settings.md. */
  about: string;
}

export type SettingsTable = Record<string, Setting<any>>;

export type SettingsOf<T extends SettingsTable> = {
  [K in keyof T]: T[K] extends Setting<infer V> ? V : never;
};

export interface SettingProblem {
  key: string;
  value: string;
  expected: string;
}

/** Thrown with every problem found; `message` is ready to print. */
export class SettingsError extends Error {
  readonly problems: readonly SettingProblem[];

  constructor(problems: readonly SettingProblem[]) {
    const lines = problems.map((p) => `  ${p.key}: expected ${p.expected}, got "${p.value}"`);
    super(
      `${problems.length} bad setting${problems.length === 1 ? "" : "s"}:\n${lines.join("\n")}`,
    );
    this.name = "SettingsError";
    this.problems = problems;
  }
}

/**
 * Reads `table` from `env`. `known` names further `ASSAY_*` variables that belong to others and are let pass.
 * @throws SettingsError naming every bad or unknown setting
 */
export function readSettings<T extends SettingsTable>(
  table: T,
  env: Record<string, string | undefined>,
  known: Iterable<string> = [],
): SettingsOf<T> {
  const problems: SettingProblem[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(table)) {
    const text = env[key] || setting.default;
    if (text === undefined) continue;
    const parsed = setting.schema.safeParse(text);
    if (parsed.success) values[key] = parsed.data;
    else
      problems.push({
        key,
        value: text,
        expected: parsed.error.issues.map((i) => i.message).join("; "),
      });
  }
  const allKnown = new Set([...Object.keys(table), ...known]);
  for (const [key, value] of Object.entries(env)) {
    if (!key.startsWith("ASSAY_") || allKnown.has(key)) continue;
    problems.push({ key, value: value ?? "", expected: "a known name (see docs/settings.md)" });
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return values as SettingsOf<T>;
}

export interface Address {
  host: string;
  port: number;
}

/** `host:port`, IPv6 hosts in brackets; port 0 means any free one. */
export const addressSetting = z.string().transform((text, ctx): Address => {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65535) {
    ctx.addIssue({ code: "custom", message: 'host:port, as in "127.0.0.1:4318"' });
    return z.NEVER;
  }
  return { host: match[1] ?? match[2]!, port };
});

/** A whole number within [min, max]. */
export function integerSetting(min: number, max: number): z.ZodType<number, string> {
  const message = `a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^-?\d+$/, message)
    .transform(Number)
    .refine((n) => n >= min && n <= max, message);
}

export const booleanSetting = z
  .enum(["true", "false"], { message: '"true" or "false"' })
  .transform((v) => v === "true");

/** Settings of the embedded engine and of every process that reaches ClickHouse. */
export const clickhouseSettings = {
  ASSAY_DATA: {
    schema: z.string(),
    default: "./data",
    about: "Folder for the write-ahead log, the spool and the embedded engine's files.",
  },
  CLICKHOUSE_URL: {
    schema: z.url({
      protocol: /^https?$/,
      message: 'an http(s) URL, as in "http://user:password@host:8123/assay"',
    }),
    default: undefined,
    about: "Your ClickHouse server. Unset: the collector runs the embedded engine.",
  },
  ASSAY_CLICKHOUSE_HTTP: {
    schema: addressSetting,
    default: "127.0.0.1:8123",
    about: "Where the embedded engine answers ClickHouse's HTTP interface.",
  },
  ASSAY_ALLOW_REMOTE: {
    schema: booleanSetting,
    default: "false",
    about:
      "Allow addresses other than loopback. There are no access keys yet: whoever reaches the port can use it.",
  },
  ASSAY_ENGINE_MEMORY_MB: {
    schema: integerSetting(256, 1048576),
    default: "2048",
    about: "Memory limit of the embedded engine.",
  },
} satisfies SettingsTable;

/** The table of all settings as a Markdown page. */
export function settingsPage(table: SettingsTable): string {
  const rows = Object.entries(table).map(([key, setting]) => {
    const text = setting.default === undefined ? "" : `\`${setting.default}\``;
    return `| \`${key}\` | ${text} | ${setting.about} |`;
  });
  return [
    "# Settings",
    "",
    "Environment variables, checked at start: every problem is printed at once. `npx assay settings` prints this table.",
    "",
    "| Variable | Default | What it does |",
    "| --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}
