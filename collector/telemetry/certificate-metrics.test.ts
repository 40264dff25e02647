import { rootCertificates } from "node:tls";
import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { certificatesOf } from "./certificate-metrics.ts";

const [pem] = rootCertificates;

test("says until when the certificate of each destination that has one is good", () => {
  const destinations = [
    { name: "tempo", tls: { cert: Buffer.from(`${pem!}\n${rootCertificates[1]!}`) } },
    { name: "none", tls: {} },
    { name: "broken", tls: { cert: Buffer.from("no certificate") } },
  ];
  const expires = new X509Certificate(pem!).validToDate.getTime() / 1_000;
  expect([...certificatesOf(destinations)]).toEqual([["forward to tempo", expires]]);
});
