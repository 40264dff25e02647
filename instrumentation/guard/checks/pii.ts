/** Personal data that has a form: what has check digits is only taken when they are right. */
import { emails } from "../../redact/emails.ts";
import { ips } from "../../redact/ips.ts";
import { cardsAndPhones, ibans } from "../../redact/numbers.ts";
import type { Range, Scanner } from "../../redact/range.ts";
import { mergeRanges } from "../../redact.ts";
import { checkOf, type Check, type CheckOptions } from "../check.ts";
import {
  cryptoAddresses,
  nhsNumbers,
  routingNumbers,
  socialSecurityNumbers,
} from "./pii-numbers.ts";

type PiiKind =
  | "email"
  | "phone"
  | "card"
  | "iban"
  | "ssn"
  | "routing_number"
  | "nhs_number"
  | "crypto_address"
  | "ip";

export interface PiiOptions extends CheckOptions {
  /** @default all but `ip`, which versions look like */
  kinds?: readonly PiiKind[];
}

/** Where two overlap, the one named first wins: NHS numbers look like phone numbers. */
const SCANNERS: readonly (readonly [kinds: readonly PiiKind[], scanner: Scanner<string>])[] = [
  [["ssn"], socialSecurityNumbers],
  [["nhs_number"], nhsNumbers],
  [["routing_number"], routingNumbers],
  [["iban"], ibans],
  [["card", "phone"], cardsAndPhones],
  [["email"], emails],
  [["crypto_address"], cryptoAddresses],
  [["ip"], ips],
];

const ALL = SCANNERS.flatMap(([kinds]) => kinds);

/**
 * Personal data: e-mail addresses, phone numbers, payment cards, IBANs, US social security and bank routing numbers, NHS
 * numbers, crypto addresses. Names and street addresses have no form and are not found.
 * @example checks.pii({ action: "redact" })
 */
export function pii(options: PiiOptions = {}): Check {
  const wanted = options.kinds ?? ALL.filter((kind) => kind !== "ip");
  const unknown = wanted.find((kind) => !ALL.includes(kind));
  if (unknown) throw new TypeError(`kinds: expected ${ALL.join(", ")}, got "${unknown}"`);
  const scanners = SCANNERS.filter(([kinds]) => kinds.some((kind) => wanted.includes(kind)));
  const find: Scanner<string> = (text, found) => {
    let ranges: Range<string>[] = [];
    for (const [, scan] of scanners) {
      const own: Range<string>[] = [];
      scan(text, (range) => own.push(range));
      if (own.length > 0) ranges = mergeRanges(ranges, own);
    }
    for (const range of ranges) if (wanted.includes(range.label as PiiKind)) found(range);
  };
  return {
    ...checkOf(options, {
      name: "pii",
      stages: ["input", "prompt", "context", "tool_result", "output"],
      action: "redact",
    }),
    scan: { find, reach: 64, hidden: true },
  };
}
