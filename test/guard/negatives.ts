/** What is not to be found though it looks like it. Drawn without regard to the checks: some have right check digits by chance. */
import { BASE62, type Draw, LOWER, UPPER } from "./draw.ts";
import type { Example } from "./example.ts";

const each = (draw: Draw, form: string): string => draw.pattern(form);
const camel = (draw: Draw): string =>
  Array.from({ length: draw.between(4, 6) }, () =>
    draw.of([
      "Abstract",
      "Order",
      "Service",
      "Factory",
      "User2",
      "Http",
      "Cache",
      "V3",
      "Manager",
      "Test",
      "By",
      "Id",
    ]),
  ).join("");

/** Kind that it could be taken for → form → a text. */
const KINDS: Readonly<Record<string, Readonly<Record<string, (draw: Draw) => string>>>> = {
  card: {
    "order number, 16 digits": (draw) => `Where is order ${each(draw, "################")}?`,
    "order number, grouped": (draw) =>
      `Order ${each(draw, "####-####-####-####")} has not arrived.`,
    "invoice, 13 digits": (draw) => `Invoice no. ${each(draw, "#############")} is due on Monday.`,
    ISBN: (draw) => `It is ISBN 978${each(draw, "##########")} in our shop.`,
    IMEI: (draw) => `The phone's IMEI is ${draw.luhn("35", 15)}.`,
    "tracking number": (draw) =>
      `Tracking 1Z${draw.from(UPPER, 3)}${each(draw, "############")} was scanned.`,
    "time in nanoseconds": (draw) => `"start": ${each(draw, "17644#############")}, "end": null`,
    "card, check digit wrong": (draw) => {
      const card = draw.luhn("4", 16);
      return `Not a card: ${card.slice(0, 15)}${(Number(card[15]) + 1) % 10}.`;
    },
  },
  phone: {
    "order number": (draw) => `Order ${each(draw, "##########")} please.`,
    date: (draw) =>
      `Due ${each(draw, "0#")}-0${draw.between(1, 9)}-2026, paid 2026-11-${draw.between(10, 30)}.`,
    version: (draw) =>
      `Upgrade from ${each(draw, "#.##.#.####")} to ${each(draw, "##.#.#")} today.`,
    price: (draw) => `It costs ${each(draw, "#,###,###.##")} EUR or $${each(draw, "#####.##")}.`,
    "table of numbers": (draw) => `${each(draw, "### ### ####")}\n${each(draw, "## ### ####")}\n`,
    coordinates: (draw) => `At 4${each(draw, "#.######")}, 1${each(draw, "#.######")} on the map.`,
    "part number": (draw) =>
      `Part ${each(draw, "###-###-####")}-${draw.from(UPPER, 2)} is in stock.`,
  },
  ssn: {
    "part number": (draw) => `Part 9${each(draw, "##-##-####")} is out of stock.`,
    "never given out": (draw) =>
      `Case 000-${each(draw, "##-####")} and 666-${each(draw, "##-####")}.`,
    "plain nine digits": (draw) => `Customer ${each(draw, "#########")} called.`,
    "ZIP+4 and more": (draw) => `Ship to ${each(draw, "#####-####")}, box ${each(draw, "###")}.`,
  },
  iban: {
    "check digits wrong": (draw) => {
      const right = draw.iban("DE", "##################");
      const digits = ((Number(right.slice(2, 4)) + 1) % 100).toString().padStart(2, "0");
      return `Pay to DE${digits}${right.slice(4)} is refused.`;
    },
    "product code": (draw) =>
      `SKU ${draw.from(UPPER, 2)}${each(draw, "##")} ${draw.from(UPPER, 4)} ${each(draw, "#### #### ####")}.`,
  },
  email: {
    handle: (draw) => `Thanks @${draw.from(LOWER, 7)} and @${draw.from(LOWER, 5)}!`,
    "package version": (draw) =>
      `npm i ${draw.from(LOWER, 6)}@${each(draw, "#.#.##")} @types/node@${each(draw, "##")}`,
    decorator: (draw) => `@Injectable() class ${camel(draw)} { @Input() value = 1; }`,
    "git address": (draw) => `matrix @${draw.from(LOWER, 5)}:server, user@localhost, a@b`,
  },
  ip: {
    "version of four parts": (draw) => `Version ${each(draw, "1#.#.##.#")} fixes it.`,
    "version of three parts": (draw) => `Use v${each(draw, "#.##.#")} or ${each(draw, "##.#.#")}.`,
    "section number": (draw) =>
      `See section ${draw.between(1, 9)}.${draw.between(1, 20)}.${draw.between(1, 9)}.`,
    time: (draw) => `From ${each(draw, "1#:0#:3#")} to 1${each(draw, "#:4#:0#")}.`,
    "C++ name": () => "Call std::vector::at or a::b::c there.",
  },
  key: {
    "kebab-case name": (draw) =>
      `Read sk-learn-${draw.from(LOWER, 8)}-for-beginners and key-value-${draw.from(LOWER, 9)}-store-design.`,
    "public key": (draw) =>
      `-----BEGIN PUBLIC KEY-----\n${draw.from(BASE62, 64)}\n-----END PUBLIC KEY-----`,
    "prefix alone": () => "Keys begin with sk-, ghp_, AKIA or xoxb-; never post yours.",
    "variable name": (draw) =>
      `const sk_${draw.from(LOWER, 6)}_total = npm_config_${draw.from(LOWER, 8)};`,
  },
  password: {
    placeholder: (draw) =>
      `password=<your-password> api_key=\${${draw.from(UPPER, 6)}_KEY} secret=****`,
    schema: () => '{"password": {"type": "string"}, "api_key": null, "secret": true}',
    prose: () => "Password: must be long. The secret: nobody knows. Passphrase: optional.",
    code: () =>
      'const password = process.env.DB_PASSWORD;\nif (!secret) throw new Error("no secret");',
    "token counts": (draw) =>
      `{"max_tokens": ${each(draw, "####")}, "access_token_count": ${each(draw, "##")}}`,
  },
  random: {
    "name in camel case": (draw) => `class ${camel(draw)}${camel(draw)} extends ${camel(draw)} {}`,
    UUID: (draw) =>
      `id ${draw.hex(8)}-${draw.hex(4)}-4${draw.hex(3)}-a${draw.hex(3)}-${draw.hex(12)}`,
    "commit hash": (draw) => `Fixed in ${draw.hex(40)}.`,
    "SRI hash": (draw) => `"integrity": "sha512-${draw.from(BASE62, 86)}=="`,
    "picture in CSS": (draw) => `background: url(data:image/png;base64,${draw.from(BASE62, 80)})`,
    path: (draw) => `src/${draw.from(LOWER, 8)}/${camel(draw)}/${camel(draw)}.test.ts`,
    constant: (draw) =>
      `export const ${draw.from(UPPER, 6)}_${draw.from(UPPER, 9)}_LIMIT_2026_DEFAULT = 1;`,
    "id in a URL": (draw) => `https://example.com/d/${draw.from(BASE62, 30)}/edit`,
    "model and response ids": (draw) =>
      `gpt-4o-mini-2024-07-18 answered chatcmpl-${draw.from(BASE62, 29)}`,
  },
  crypto_address: {
    "commit hash": (draw) => `Merged ${draw.hex(40)} and 0x${draw.hex(8)}.`,
    "check digits wrong": (draw) => `Sent to ${draw.base58check(0).slice(0, -1)}z?`,
    colour: (draw) => `color: #${draw.hex(6)}; flags 0x${draw.hex(4)}`,
  },
  nhs_number: { "order number": (draw) => `NHS supply order ${each(draw, "##########")}` },
  routing_number: {
    "order number": (draw) => `Routing of parcel ${each(draw, "#########")} changed.`,
  },
  host: {
    "allowed host": (draw) =>
      `See https://example.com/${draw.from(LOWER, 6)} and https://docs.example.com/a_(b).`,
    "allowed path": (draw) => `The code is at https://github.com/acme/${draw.from(LOWER, 7)}.`,
    comment: () => "a = b / 2 // half of it; see src/a.ts and 1//2",
  },
  canary: {
    "other word of its letters": (draw) =>
      `The code is ${draw.from("bcdfghjkmnpqrstvwxz23456789", 16)}.`,
  },
};

const EACH = 12;

export function negatives(draw: Draw): Example[] {
  return Object.entries(KINDS).flatMap(([kind, forms]) =>
    Object.entries(forms).flatMap(([form, make]) =>
      Array.from({ length: EACH }, () => ({ kind, form, text: make(draw), expect: [] })),
    ),
  );
}
