/** The query API's settings; docs/settings.md is generated from this table and its sisters. */
import { addressSetting, integerSetting, type SettingsTable } from "@assay/clickhouse";
import { z } from "zod";

const hostName = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/;

/** Host names, comma separated, without ports. */
const hostNames = z.string().transform((text, ctx): string[] => {
  const names = text.split(",").map((name) => name.trim().toLowerCase());
  if (names.every((name) => hostName.test(name))) return names;
  ctx.addIssue({ code: "custom", message: 'host names, as in "assay.example.com,10.0.0.7"' });
  return z.NEVER;
});

const SHARE = "a number from 0 to 1";
const share = z
  .string()
  .regex(/^\d*\.?\d+$/, SHARE)
  .transform(Number)
  .refine((n) => n >= 0 && n <= 1, SHARE);

export const querySettings = {
  ASSAY_HTTP: {
    schema: addressSetting,
    default: "127.0.0.1:8080",
    about: "Where the query API and the page answer.",
  },
  ASSAY_HTTP_HOSTS: {
    schema: hostNames,
    default: undefined,
    about:
      "Further host names by which the page may be reached, comma separated. Requests that name any other host are refused: a page elsewhere could otherwise point its own name at this address and read your traces.",
  },
  ASSAY_LABEL_SHARE: {
    schema: share,
    default: "0.1",
    about:
      "Share of the judged records that people are asked about (docs/labels.md); records that judges doubt are drawn four times as often.",
  },
  ASSAY_LABEL_TWICE: {
    schema: share,
    default: "0.2",
    about: "Share of the records asked about that two people label, to see how far they agree.",
  },
  ASSAY_HTTP_RATE: {
    schema: integerSetting(1, 100_000),
    default: "100",
    about:
      "Requests a second that one address may send to the query API, over time; twice as many at once.",
  },
  ASSAY_HTTP_LIVE_CLIENTS: {
    schema: integerSetting(0, 1_000),
    default: "20",
    about: "Clients that may follow live spans at the same time; each costs a query a second.",
  },
  ASSAY_QUERY_MAX_ROWS: {
    schema: integerSetting(1_000, 1_000_000_000_000),
    default: "1000000000",
    about: "Rows that one query of the query API may read; ClickHouse refuses it beyond that.",
  },
  ASSAY_QUERY_MAX_GB: {
    schema: integerSetting(1, 1_000_000),
    default: "50",
    about: "Gigabytes (10^9 bytes, uncompressed) that one query of the query API may read.",
  },
} satisfies SettingsTable;
