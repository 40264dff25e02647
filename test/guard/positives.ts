/** What is to be found: values of documented forms, those too that no check claims to find. */
import { BASE62, type Draw, LOWER, UPPER } from "./draw.ts";
import { CANARY, type Example } from "./example.ts";

/** `form`: how to draw a value of it, and how often. */
type Forms = Readonly<Record<string, (draw: Draw) => string>>;

const SENTENCES = [
  "You can reach me here: {}, any time.",
  "Please update the record to {} before Friday.",
  "{}",
  "The customer wrote: “{}” and nothing else.",
  "- ticket 4711\n- value: {}\n- priority: high",
  "I already gave you {}; why do you ask again?",
  'payload = {"note": "{}", "urgent": true}',
  "Context below.\n\n{}\n\nWhat does it mean?",
];

const grouped = (text: string, separator: string): string =>
  text.replace(/(.{4})(?=.)/g, `$1${separator}`);

const name = (draw: Draw): string =>
  draw.of(["ada", "j.doe", "maria-lopez", "o'brien", "k_smith99", "li.wei"]);

const KINDS: Readonly<Record<string, Forms>> = {
  email: {
    plain: (draw) =>
      `${name(draw)}@${draw.of(["example.com", "example.org", "mail.example.co.uk"])}`,
    tag: (draw) => `${name(draw)}+${draw.from(LOWER, 5)}@example.net`,
    "percent-encoded": (draw) => `${name(draw)}%40example.com`,
    "upper case": (draw) => `${name(draw).toUpperCase()}@EXAMPLE.COM`,
    "quoted local part": () => '"john doe"@example.com',
    "international domain": (draw) => `${name(draw)}@exämple.de`,
    "written out": (draw) => `${name(draw)} at example dot com`,
  },
  phone: {
    "E.164": (draw) =>
      draw.pattern(draw.of(["+1N##N######", "+4930########", "+44207#######", "+331########"])),
    "international, spaced": (draw) =>
      draw.pattern(
        draw.of([
          "+1 N## N## ####",
          "+49 30 ### ####",
          "+44 20 #### ####",
          "+33 1 ## ## ## ##",
          "+41 44 ### ## ##",
        ]),
      ),
    "international, 00": (draw) => draw.pattern("0049 30 ### ####"),
    "North America": (draw) =>
      draw.pattern(draw.of(["(N##) N##-####", "N##-N##-####", "N##.N##.####", "1-N##-N##-####"])),
    "national, trunk 0": (draw) =>
      draw.pattern(draw.of(["030 #######", "0171 #######", "020 #### ####", "01 ## ## ## ##"])),
    "after a word": (draw) => draw.pattern("N##N######"),
    "digits alone": (draw) => draw.pattern("N##N######"),
  },
  card: {
    Visa: (draw) => draw.luhn("4", 16),
    Mastercard: (draw) => draw.luhn(draw.of(["51", "55", "2221", "2720"]), 16),
    "American Express": (draw) => draw.luhn(draw.of(["34", "37"]), 15),
    Discover: (draw) => draw.luhn("6011", 16),
    "Diners Club": (draw) => draw.luhn("36", 14),
    JCB: (draw) => draw.luhn("3530", 16),
    UnionPay: (draw) => draw.luhn("62", 16),
    Maestro: (draw) => draw.luhn("6759", 16),
    "groups of four, spaces": (draw) => grouped(draw.luhn("4", 16), " "),
    "groups of four, hyphens": (draw) => grouped(draw.luhn("52", 16), "-"),
    "American Express, grouped": (draw) =>
      draw.luhn("37", 15).replace(/(.{4})(.{6})(.{5})/, "$1 $2 $3"),
    "groups of four, dots": (draw) => grouped(draw.luhn("4", 16), "."),
  },
  iban: {
    electronic: (draw) => iban(draw),
    printed: (draw) => grouped(iban(draw), " "),
    "lower case": (draw) => iban(draw).toLowerCase(),
    hyphens: (draw) => grouped(iban(draw), "-"),
  },
  ssn: {
    printed: (draw) => draw.ssn().join("-"),
    "spaces, after a word": (draw) => draw.ssn().join(" "),
    "digits, after a word": (draw) => draw.ssn().join(""),
    "digits alone": (draw) => draw.ssn().join(""),
  },
  routing_number: {
    "after a word": (draw) => draw.routing(),
    "digits alone": (draw) => draw.routing(),
  },
  nhs_number: {
    "printed, after a word": (draw) => draw.nhs().replace(/(...)(...)(....)/, "$1 $2 $3"),
    "digits, after a word": (draw) => draw.nhs(),
    "printed, no word": (draw) => draw.nhs().replace(/(...)(...)(....)/, "$1 $2 $3"),
  },
  crypto_address: {
    "Bitcoin, P2PKH": (draw) => draw.base58check(0),
    "Bitcoin, P2SH": (draw) => draw.base58check(5),
    "Bitcoin, SegWit": (draw) => draw.bech32(0),
    "Bitcoin, Taproot": (draw) => draw.bech32(1),
    Ethereum: (draw) => `0x${draw.hex(40)}`,
  },
  ip: {
    IPv4: (draw) =>
      `${draw.between(11, 223)}.${draw.between(0, 255)}.${draw.between(0, 255)}.${draw.between(1, 254)}`,
    IPv6: (draw) => Array.from({ length: 8 }, () => draw.hex(4)).join(":"),
    "IPv6, shortened": (draw) => `2001:db8::${draw.hex(4)}:${draw.hex(3)}`,
  },
  key: {
    OpenAI: (draw) => `sk-proj-${draw.from(BASE62, 48)}`,
    Anthropic: (draw) => `sk-ant-api03-${draw.from(BASE62, 60)}-AA`,
    AWS: (draw) => `AKIA${draw.from(`${UPPER}234567`, 16)}`,
    GitHub: (draw) => `ghp_${draw.from(BASE62, 36)}`,
    "GitHub, fine-grained": (draw) =>
      `github_pat_${draw.from(BASE62, 22)}_${draw.from(BASE62, 59)}`,
    GitLab: (draw) => `glpat-${draw.from(BASE62, 20)}`,
    Slack: (draw) => `xoxb-${draw.digits(12)}-${draw.digits(12)}-${draw.from(BASE62, 24)}`,
    Google: (draw) => `AIza${draw.from(BASE62, 35)}`,
    Stripe: (draw) => `sk_live_${draw.from(BASE62, 24)}`,
    npm: (draw) => `npm_${draw.from(BASE62, 36)}`,
    "Hugging Face": (draw) => `hf_${draw.from(BASE62, 34)}`,
    SendGrid: (draw) => `SG.${draw.from(BASE62, 22)}.${draw.from(BASE62, 43)}`,
    Databricks: (draw) => `dapi${draw.hex(32)}`,
    Docker: (draw) => `dckr_pat_${draw.from(BASE62, 27)}`,
    Vault: (draw) => `hvs.${draw.from(BASE62, 24)}`,
    Shopify: (draw) => `shpat_${draw.hex(32)}`,
    Twilio: (draw) => `SK${draw.hex(32)}`,
    JWT: (draw) =>
      `eyJ${draw.from(BASE62, 33)}.eyJ${draw.from(BASE62, 60)}.${draw.from(BASE62, 43)}`,
    "private key": (draw) =>
      `-----BEGIN PRIVATE KEY-----\n${draw.from(BASE62, 64)}\n${draw.from(BASE62, 64)}\n-----END PRIVATE KEY-----`,
    "bearer token": (draw) => `${draw.from(BASE62, 30)}7`,
    "Azure, 32 hex digits": (draw) => draw.hex(32),
  },
  password: {
    assigned: (draw) => draw.from(BASE62, 12),
    "in JSON": (draw) => draw.from(BASE62, 10),
    "in a URL": (draw) => draw.from(BASE62, 10),
    "in prose": (draw) => draw.of(["hunter2", "Tr0ub4dor&3", "letmein!"]),
  },
  random: {
    "40 of letters and digits": (draw) => draw.from(BASE62, 40),
    "32 of base64": (draw) => `${draw.from(`${BASE62}+/`, 31)}=`,
    "24 of letters and digits": (draw) => draw.from(BASE62, 24),
    "64 hex digits": (draw) => draw.hex(64),
  },
  canary: {
    plain: () => CANARY,
    "upper case": () => CANARY.toUpperCase(),
    spaced: () => Array.from(CANARY).join(" "),
    "zero-width joined": () => Array.from(CANARY).join("\u200b"),
    backwards: () => Array.from(CANARY).toReversed().join(""),
    hex: () => Buffer.from(CANARY).toString("hex"),
    base64: (draw) =>
      Buffer.from(`${draw.from(LOWER, draw.between(1, 3))}: ${CANARY}`).toString("base64"),
    rot13: () =>
      CANARY.replace(/[a-z]/g, (c) => String.fromCharCode(((c.charCodeAt(0) - 97 + 13) % 26) + 97)),
  },
  host: {
    "other host": (draw) => `https://${draw.from(LOWER, 8)}.test/p?q=${draw.from(LOWER, 6)}`,
    "look-alike": () => "https://example.com.evil.test/login",
    "user before the host": () => "https://example.com@evil.test/",
    "without a scheme": (draw) => `www.${draw.from(LOWER, 8)}.test/x`,
    "other path": (draw) => `https://github.com/${draw.from(LOWER, 6)}/x`,
    "host alone": (draw) => `${draw.from(LOWER, 8)}.test/x`,
  },
};

const COUNTRIES: readonly (readonly [string, string])[] = [
  ["DE", "##################"],
  ["GB", "AAAA##############"],
  ["FR", "#######################"],
  ["NL", "AAAA##########"],
  ["CH", "#################"],
  ["ES", "####################"],
];

function iban(draw: Draw): string {
  return draw.iban(...draw.of(COUNTRIES));
}

/** What stands around a value that is only one with a word before it. */
const AROUND: Readonly<Record<string, readonly [before: string, after: string]>> = {
  "phone after a word": ["phone: ", ""],
  "ssn spaces, after a word": ["SSN: ", ""],
  "ssn digits, after a word": ["my social security number is ", ""],
  "routing_number after a word": ["routing number: ", ""],
  "nhs_number printed, after a word": ["NHS number: ", ""],
  "nhs_number digits, after a word": ["NHS no. ", ""],
  "key bearer token": ["Authorization: Bearer ", ""],
  "password assigned": ["password=", " and go"],
  "password in JSON": ["'api_key': '", "'"],
  "password in a URL": ["postgres://bob:", "@db.example.com/x"],
  "password in prose": ["my password is ", ""],
};

const EACH = 6;

export function positives(draw: Draw): Example[] {
  return Object.entries(KINDS).flatMap(([kind, forms]) =>
    Object.entries(forms).flatMap(([form, make]) =>
      Array.from({ length: EACH }, () => {
        const value = make(draw);
        const [before, after] = AROUND[`${kind} ${form}`] ?? ["", ""];
        const sentence = draw.of(SENTENCES).replace("{}", () => `${before}${value}${after}`);
        return { kind, form, text: sentence, expect: [value] };
      }),
    ),
  );
}
