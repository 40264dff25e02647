/** The collector's settings; docs/settings.md is generated from this table and its sisters. */
import {
  addressSetting,
  integerSetting,
  retention,
  type RetentionName,
  type SettingsTable,
} from "@assay/clickhouse";
import { z } from "zod";

/** Dates of a TTL end in 2106. */
const MAX_DAYS = 18_250;

/** `spans=90,content=30`: days by name of retention; what is not named keeps its default. */
const retentionSetting = z.string().transform((text, ctx) => {
  const days: Partial<Record<RetentionName, number>> = {};
  for (const part of text.split(",").filter(Boolean)) {
    const match = /^\s*(\w+)\s*=\s*(\d+)\s*$/.exec(part);
    const count = Number(match?.[2]);
    if (match && match[1]! in retention && count >= 1 && count <= MAX_DAYS)
      days[match[1] as RetentionName] = count;
    else
      ctx.addIssue({
        code: "custom",
        message: `name=days pairs, names of ${Object.keys(retention).join(", ")}`,
      });
  }
  return days;
});

const pathSetting = z
  .string()
  .regex(/^(\/[\w.~-]+)+$/, "a path that begins with / and does not end with it");

const originsSetting = z.string().transform((text, ctx) => {
  const origins = text.split(",").map((origin) => origin.trim().toLowerCase());
  const named = origins.filter(Boolean);
  if (!named.every((origin) => /^https?:\/\/[a-z0-9.-]+(:\d+)?$/.test(origin))) {
    const message = "origins as a browser sends them: scheme and host, no path, never *";
    ctx.addIssue({ code: "custom", message });
  }
  return named;
});

export const collectorSettings = {
  ASSAY_OTLP_HTTP: {
    schema: addressSetting,
    default: "127.0.0.1:4318",
    about: "Where the collector takes OTLP over HTTP.",
  },
  ASSAY_OTLP_GRPC: {
    schema: addressSetting,
    default: "127.0.0.1:4317",
    about: "Where the collector takes OTLP over gRPC.",
  },
  ASSAY_OTLP_TRACES_PATH: {
    schema: pathSetting,
    default: "/v1/traces",
    about:
      "Path of traces over HTTP; logs have the one beside it (`/v1/logs` in the place of `/v1/traces`).",
  },
  ASSAY_OTLP_CORS_ORIGINS: {
    schema: originsSetting,
    default: "",
    about:
      "Web pages that may send OTLP over HTTP, as origins (`https://app.example.com`), comma separated. None by default.",
  },
  ASSAY_FORWARD: {
    schema: z.string(),
    default: undefined,
    about: "File (YAML) that says where else spans are sent, over OTLP; see docs/forwarding.md.",
  },
  ASSAY_JUDGE: {
    schema: z.string(),
    default: undefined,
    about:
      "File (YAML) that says which answers are judged, by which models and for how much; see docs/judging.md.",
  },
  ASSAY_CHECKS: {
    schema: z.string(),
    default: undefined,
    about:
      'File (YAML) that changes the checks and says who is told when one fires; see docs/checks.md. Without it the shipped checks run and nobody is told; "off" evaluates none. Of several collectors on one ClickHouse server one does.',
  },
  ASSAY_BUDGETS: {
    schema: z.string().min(1),
    default: undefined,
    about:
      "File (YAML) that says what a month may cost, overall or by project, model or user; see docs/budgets.md.",
  },
  ASSAY_MODELS: {
    schema: z.string().min(1),
    default: undefined,
    about:
      "File (YAML) that says what your models are, where they run and what self-hosted ones cost an hour; see docs/models.md.",
  },
  ASSAY_PRICES: {
    schema: z.string(),
    default: undefined,
    about: "File (YAML) with prices of your own and discounts; see docs/prices.md.",
  },
  ASSAY_PRIVACY: {
    schema: z.string(),
    default: undefined,
    about:
      "File (YAML) that says what is redacted and left out before anything is written; see docs/privacy.md.",
  },
  ASSAY_REDACT_KEY: {
    schema: z.string(),
    default: undefined,
    about:
      "Secret of at least 32 characters for the tokens of redacted values (`hash` in the file of ASSAY_PRIVACY).",
  },
  ASSAY_METRICS: {
    schema: addressSetting,
    default: "127.0.0.1:8888",
    about: "Where the collector serves /metrics (Prometheus) and /healthz.",
  },
  ASSAY_CANARY: {
    schema: z.enum(["on", "off"]),
    default: "off",
    about:
      "on: each minute the collector sends itself a span (project assay-canary) and looks for it in ClickHouse; the rules of grafana/ page when three in a row do not come through.",
  },
  ASSAY_MAX_BODY_MB: {
    schema: integerSetting(1, 1024),
    default: "64",
    about: "Largest OTLP request accepted, in MiB, before and after inflating.",
  },
  ASSAY_LOG_MAX_MB: {
    schema: integerSetting(64, 1048576),
    default: "8192",
    about: "Largest write-ahead log, in MiB; when it is full, requests are answered 503.",
  },
  ASSAY_MAX_SPAN_AGE_DAYS: {
    schema: integerSetting(1, 3650),
    default: "7",
    about:
      "A span that starts longer ago than this is filed under its time of receipt. Raise it to import history.",
  },
  ASSAY_RETENTION_DAYS: {
    schema: retentionSetting,
    default: Object.entries(retention)
      .map(([name, { days }]) => `${name}=${days}`)
      .join(","),
    about:
      "Days that each kind of row is kept. A change applies at the next start, to what is there too.",
  },
} satisfies SettingsTable;
