/** Until when the certificates are good with which the collector says who it is: those of forwarding. It serves none itself. */
import { X509Certificate } from "node:crypto";
import type { MetricRow } from "./metric-row.ts";

/** Unix seconds at which each expires, by what it is for. */
export type CertificateStats = ReadonlyMap<string, number>;

/** @param pem the first certificate counts: those after it are of who signed it. Undefined where it is none. */
function expiryOf(pem: Uint8Array): number | undefined {
  try {
    return new X509Certificate(pem).validToDate.getTime() / 1_000;
  } catch {
    // The connection says what is wrong with it.
    return undefined;
  }
}

export function certificatesOf(
  destinations: readonly { name: string; tls: { cert?: Uint8Array } }[],
): CertificateStats {
  return new Map(
    destinations.flatMap(({ name, tls }) => {
      const expires = tls.cert && expiryOf(tls.cert);
      return expires === undefined ? [] : [[`forward to ${name}`, expires] as const];
    }),
  );
}

export const CERTIFICATE_METRICS: readonly MetricRow<CertificateStats>[] = [
  {
    name: "assay_certificate_expiry_timestamp_seconds",
    help: "When a certificate expires that the collector shows.",
    type: "gauge",
    by: "certificate",
    value: (stats) => stats,
  },
];
