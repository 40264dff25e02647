/** The collector's settings; docs/settings.md is generated from this table and its sisters. */
import { addressSetting, integerSetting, type SettingsTable } from "@assay/clickhouse";

export const collectorSettings = {
  ASSAY_OTLP_HTTP: {
    schema: addressSetting,
    default: "127.0.0.1:4318",
    about: "Where the collector takes OTLP over HTTP.",
  },
  ASSAY_METRICS: {
    schema: addressSetting,
    default: "127.0.0.1:8888",
    about: "Where the collector serves /metrics (Prometheus) and /healthz.",
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
    about: "A span that starts longer ago than this is filed under its time of receipt. Raise it to import history.",
  },
} satisfies SettingsTable;
