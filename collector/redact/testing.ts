/** For tests: planted secrets of every kind, rules, and requests that hold text in every place. */
import { fixed64, int, keyValue, message, SPAN_ID, span, text, TRACE_ID } from "../otlp/testing.ts";
import type { Field } from "../otlp/testing.ts";
import { compilePattern } from "./own-pattern.ts";
import type { Rules } from "./rewriter.ts";

export const KEY = "0123456789abcdef0123456789abcdef";

const RULES: Rules = {
  detect: {
    email: "mask",
    phone: "mask",
    card: "mask",
    iban: "mask",
    key: "mask",
    password: "mask",
    ip: "off",
  },
  patterns: [],
  budgetMs: 1_000,
  key: undefined,
  allow: undefined,
  block: [],
  hash: [],
  ignore: [],
  content: "keep",
  resource: true,
};

export const rules = (changes: Partial<Rules> = {}): Rules => ({ ...RULES, ...changes });

export const pattern = (
  name: string,
  source: string,
  mode: "mask" | "hash" | "remove" = "mask",
) => ({
  name,
  mode,
  pattern: compilePattern(source, { ignoreCase: false }),
});

const RANDOM = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA2cD4eF";

/** What a search of the output must not find, and the text that holds it. */
export const PLANTED: readonly [secret: string, label: string, text: string][] = [
  ["ada.lovelace@example.com", "email", "write to ada.lovelace@example.com please"],
  ["bob%40example.com", "email", "https://x.example/reset?to=bob%40example.com&a=1"],
  ["+49 30 1234567", "phone", "ring +49 30 1234567 now"],
  ["(415) 555-2671", "phone", "or (415) 555-2671."],
  ["4111 1111 1111 1111", "card", "card 4111 1111 1111 1111 expires"],
  ["378282246310005", "card", "amex 378282246310005"],
  ["DE89 3704 0044 0532 0130 00", "iban", "to DE89 3704 0044 0532 0130 00 today"],
  ["GB82WEST12345698765432", "iban", "GB82WEST12345698765432"],
  [`sk-proj-${RANDOM}`, "key", `the key is sk-proj-${RANDOM}!`],
  ["AKIAIOSFODNN7EXAMPLE", "key", "id=AKIAIOSFODNN7EXAMPLE"],
  [`ghp_${RANDOM}`, "key", `ghp_${RANDOM}`],
  ["xoxb-1234567890", "key", "token xoxb-1234567890a"],
  [
    "eyJhbGciOiJIUzI1NiJ9",
    "key",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
  ],
  ["abcdef0123456789abcdef", "key", "Authorization: Bearer abcdef0123456789abcdef"],
  [
    "MIIEpAIBAAKCAQEA",
    "key",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
  ],
  ["hunter2secret", "password", "password=hunter2secret&x=1"],
  ["s3cretpw", "password", "postgres://bob:s3cretpw@db.example/x"],
];

/** Looks like one of them and is none. */
export const HARMLESS: readonly string[] = [
  "the order 4155552671 of 2026-11-23T21:50:46.123Z, trace 4bf92f3577b34da6a3ce929d0e0e4736",
  "4111 1111 1111 1112 fails its check digit, DE88370400440532013000 too",
  "npm i left-pad@1.3.0, ask @ada, a sk-learn-tutorial-for-beginners-2024",
  '{"max_tokens": 4096, "total_tokens": 5296, "password": null}',
  "chatcmpl-9abcDEF0123 gpt-4o-mini-2024-07-18 0.000091200000 http://localhost:8080/v1/x",
  "Grüße, 你好, 🙂 — naïve façade",
];

const attributes = (field: number, value: string): Field[] => [
  keyValue(field, "note", text(1, value)),
  keyValue(field, "bytes", text(7, Buffer.from(value))),
  keyValue(field, "list", message(5, message(1, text(1, "plain")), message(1, text(1, value)))),
  keyValue(
    field,
    "map",
    message(
      6,
      message(1, text(1, value), message(2, text(1, "under a key"))),
      message(1, text(1, "inner"), message(2, message(5, message(1, text(1, value))))),
    ),
  ),
  keyValue(
    field,
    "gen_ai.input.messages",
    text(1, JSON.stringify([{ role: "user", parts: [{ type: "text", content: value }] }])),
  ),
  keyValue(
    field,
    "nested",
    text(1, JSON.stringify({ body: JSON.stringify({ deep: value, n: 1 }), n: 12.5 })),
  ),
  keyValue(field, value, int(3, 7)),
  keyValue(field, "count", int(3, 12345)),
];

/** A request with `value` wherever text can be, and fields that nobody knows. */
export function requestWith(value: string, spanId: Uint8Array = SPAN_ID): Field {
  const unknown = text(77, "unknown field");
  return message(
    1,
    message(1, ...attributes(1, value), unknown),
    message(
      2,
      message(1, text(1, value), text(2, value), ...attributes(3, value), unknown),
      span(
        text(2, spanId),
        text(3, "vendor=x"),
        text(5, value),
        fixed64(7, 1n),
        ...attributes(9, value),
        unknown,
        message(11, fixed64(1, 5n), text(2, value), ...attributes(3, value), unknown),
        message(13, text(1, TRACE_ID), text(2, SPAN_ID), ...attributes(4, value), unknown),
        message(15, text(2, value), int(3, 2), unknown),
      ),
      text(3, "https://schema.example/1"),
      unknown,
    ),
    unknown,
  );
}
