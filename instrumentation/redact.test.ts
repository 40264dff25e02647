import { describe, expect, test } from "vitest";
import { threadCpuMs } from "../test/thread-cpu.ts";
import { createRedactor } from "./redact.ts";

const redact = createRedactor();
const everything = createRedactor({
  kinds: ["keys", "emails", "cards and phones", "ibans", "ips"],
});
const letters = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY".repeat(4);

describe("is taken out", () => {
  test.each<[situation: string, text: string, expected: string]>([
    ["e-mail", "write to ada.lovelace+x@example.co.uk.", "write to [email]."],
    ["e-mail in brackets", "<bob@example.com>, 'eve@example.com'", "<[email]>, '[email]'"],
    ["e-mail in a URL", "/reset?to=bob%40example.com&x=1", "/reset?to=[email]&x=1"],
    ["two e-mails", "a@b.io b@c.io", "[email] [email]"],
    ["E.164", "call +14155552671 now", "call [phone] now"],
    ["international", "+49 (30) 1234-567, +44 20 7946 0958", "[phone], [phone]"],
    ["international with 00", "0049 30 1234567", "[phone]"],
    [
      "American",
      "(415) 555-2671 or 415.555.2671 or 1-800-555-0199",
      "[phone] or [phone] or [phone]",
    ],
    ["German", "030 1234567, 0171/1234567", "[phone], [phone]"],
    ["British", "ring 020 7946 0958.", "ring [phone]."],
    ["French", "01 23 45 67 89 / 01.23.45.67.89", "[phone] / [phone]"],
    ["called a phone", "phone: 4155552671, Tel. 01712345678", "phone: [phone], Tel. [phone]"],
    ["phone then card", "+1 415 555 2671 4111 1111 1111 1111", "[phone] [card]"],
    ["card", "4111111111111111", "[card]"],
    ["card in groups", "4111 1111 1111 1111, 5555-5555-5555-4444", "[card], [card]"],
    ["card after a number", "in 2024 4111 1111 1111 1111", "in 2024 [card]"],
    ["American Express", "3782 822463 10005 and 378282246310005", "[card] and [card]"],
    ["IBAN", "DE89370400440532013000", "[iban]"],
    ["IBAN in groups, before a word", "DE89 3704 0044 0532 0130 00 BIC", "[iban] BIC"],
    ["IBAN, lower case", "gb82west12345698765432", "[iban]"],
    ["OpenAI key", `key sk-${letters.slice(0, 48)}!`, "key [key]!"],
    ["OpenAI project key", `sk-proj-${letters}_-x`, "[key]"],
    ["Anthropic key", `sk-ant-api03-${letters}-AA`, "[key]"],
    ["AWS key id", "AKIAIOSFODNN7EXAMPLE", "[key]"],
    ["GitHub tokens", `ghp_${letters.slice(0, 36)} github_pat_11A${letters}`, "[key] [key]"],
    ["Slack token", "xoxb-123456789012-abcdefABCDEF", "[key]"],
    ["Google key", `AIza${letters.slice(0, 35)}`, "[key]"],
    ["GitLab token", `glpat-${letters.slice(0, 20)}`, "[key]"],
    ["Hugging Face, npm", `hf_${letters.slice(0, 34)} npm_${letters.slice(0, 36)}`, "[key] [key]"],
    ["Stripe key", `sk_live_${letters.slice(0, 24)}`, "[key]"],
    ["bearer", "Authorization: Bearer abcdef0123456789abcdef", "Authorization: Bearer [key]"],
    [
      "JWT",
      "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
      "[key]",
    ],
    [
      "private key",
      "a\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIEpA\nIBAAKC==\n-----END RSA PRIVATE KEY-----\nb",
      "a\n[key]\nb",
    ],
    [
      "private key, cut off",
      `x -----BEGIN PRIVATE KEY-----\n${letters.slice(0, 64)}\n${letters.slice(0, 20)}`,
      "x [key]",
    ],
    ["password=", "password=hunter2&user=bob", "password=[password]&user=bob"],
    ["api_key:", 'api_key: "abc-def"', 'api_key: "[password]"'],
    ["passphrase with spaces", 'passphrase="correct horse"', 'passphrase="[password]"'],
    ["url", "postgres://bob:s3cret@db.example.com/x", "postgres://bob:[password]@db.example.com/x"],
  ])("%s", (_situation, text, expected) => {
    expect(redact(text).text).toBe(expected);
  });
});

describe("stays", () => {
  test.each<[situation: string, text: string]>([
    ["prose", "Ask @ada about it; see section 4.2 (page 12)."],
    ["package versions", "npm i left-pad@1.3.0 git@2024"],
    [
      "dates and times",
      "2026-11-23T21:50:46.123Z, 01.02.2024, 03-11-2026 10:00, 23/11/2026, 20261123",
    ],
    ["epoch times", "1732312345 1732312345678 1732312345678901234"],
    ["prices", "$1,234,567.89, 0.000210000000, 10000000 EUR, 1.234.567,89, €4111111111"],
    ["plain ids", "order 4155552671, ticket 0171234567, 123456789012"],
    ["UUID", "123e4567-e89b-12d3-a456-426614174000, 00000000-0000-4000-8000-000000000000"],
    ["trace id", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
    ["IPv4", "010.020.030.040 192.168.100.200:8080"],
    ["versions", "v1.22.333.4444, 415.200"],
    ["sums", "5+1234567890=1234567895"],
    ["time zone", "10:00+01:00, +0100"],
    ["16 digits, Luhn wrong", "4111 1111 1111 1112"],
    ["16 digits, Luhn right, no issuer", "1234 5678 9012 3452"],
    ["a card within a longer number", "41111111111111110"],
    ["IBAN, check digits wrong", "DE88370400440532013000"],
    ["kebab-case", "sk-learn-tutorial-for-beginners-2024, key-value-store-benchmarks-and-results"],
    ["bearer in prose", "the bearer of extraordinarily bad tidings"],
    ["password in prose", "Password: must be long. The secret: nobody knows. password: required"],
    ["token counts", '{"max_tokens": 4096, "prompt_tokens": 1200, "total_tokens": 5296}'],
    ["schema", '{"password":{"type":"string"},"api_key":null,"secret":true}'],
    ["placeholders", "api_key=${API_KEY} password=<your-password> secret=**** password=[password]"],
    ["public key", "-----BEGIN PUBLIC KEY-----\nMFkwEwYH\n-----END PUBLIC KEY-----"],
    ["url with port", "http://localhost:8080/a@b http://example.com/12345678"],
    ["tables of numbers", "100 200 3000\n123 456 7890\n1 2 3 4 5 6 7 8 9 10"],
  ])("%s", (_situation, text) => {
    expect(redact(text)).toEqual({ text, redactions: 0 });
  });
});

describe("JSON stays JSON", () => {
  const secret = {
    mail: "a\nbob@example.com\tx",
    lines: "\n415-555-2671\n4111111111111111\n",
    card: 4111111111111111,
    cards: [4111111111111111, 5555555555554444],
    password: "hunter2",
    pin: { password: 12345678 },
    key: `sk-${letters.slice(0, 48)}`,
    pem: "-----BEGIN PRIVATE KEY-----\nMIIEpA\n-----END PRIVATE KEY-----\n",
    nbsp: "\u00a0415-555-2671",
  };

  test.each([
    ["plain", JSON.stringify(secret), 1],
    ["indented", JSON.stringify(secret, null, 2), 1],
    ["in a string", JSON.stringify({ body: JSON.stringify({ ...secret, cards: [] }) }), 2],
    ["escaped to ASCII", JSON.stringify(secret).replace("\u00a0", "\\u00a0"), 1],
  ])("%s", (_situation, json, levels) => {
    const { text, redactions } = redact(json);
    let parsed = JSON.parse(text) as typeof secret & { body: string };
    if (levels === 2) parsed = JSON.parse(parsed.body) as typeof parsed;
    expect(parsed).toMatchObject({
      mail: "a\n[email]\tx",
      lines: "\n[phone]\n[card]\n",
      card: 0,
      password: "[password]",
      key: "[key]",
      pem: "[key]\n",
      nbsp: "\u00a0[phone]",
    });
    expect(redactions).toBeGreaterThanOrEqual(9);
  });
});

test("redacting twice changes nothing", () => {
  const once = redact(
    `bob@example.com password=x9x9x9 +14155552671 sk-${letters} "api_key":"${letters}"`,
  );
  expect(once.redactions).toBe(5);
  expect(redact(once.text)).toEqual({ text: once.text, redactions: 0 });
});

test("only the kinds asked for", () => {
  const only = createRedactor({ kinds: ["emails"] });
  expect(only("bob@example.com 4111111111111111").text).toBe("[email] 4111111111111111");
});

describe("IP addresses, when asked for", () => {
  const ips = createRedactor({ kinds: ["ips"] });

  test.each<[text: string, expected: string]>([
    ["from 203.0.113.7, to 198.51.100.23:443.", "from [ip], to [ip]:443."],
    ['{"ip":"203.0.113.7"}', '{"ip":"[ip]"}'],
    [
      "[2001:db8::1]:80 and fe80::1ff:fe23:4567:890a, ::ffff:192.0.2.1.",
      "[[ip]]:80 and [ip], [ip].",
    ],
    ["a\\n203.0.113.7", "a\\n[ip]"],
  ])("%s", (text, expected) => {
    expect(ips(text).text).toBe(expected);
  });

  test.each([
    "127.0.0.1:8080 ::1 0.0.0.0 ::",
    "v1.2.3 1.2.3.4.5 256.1.1.1 12:30:45 a::b std::x",
    "f203.0.113.7",
  ])("stays: %s", (text) => expect(ips(text)).toEqual({ text, redactions: 0 }));

  test("not unless asked", () => {
    expect(createRedactor()("203.0.113.7").redactions).toBe(0);
  });
});

describe("1 MB takes linear time", () => {
  const units = [
    "@",
    "a@",
    "a.",
    "a@a.",
    "1",
    "1 ",
    "0 ",
    "1-",
    "+",
    "+1 ",
    "(",
    "((1",
    "4111 ",
    "DE89",
    "DE89 ",
    "eyJ",
    "eyJaaaaaaaa.",
    "eyJaaaaaaaa.aaaaaaaa",
    "sk-",
    "sk-a",
    "-----BEGIN ",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\n" + "A".repeat(64) + "\n",
    "-",
    "://",
    "a:b://",
    "://a:",
    "password",
    "password=",
    'password="',
    "api_key: ",
    "bearer ",
    "basic    ",
    "\\",
    "\\n",
    "\\u00e9",
    '\\"',
    "phone ",
    "00 ",
    "01 23 45 67 ",
    "+1234567890123456789012345 ",
    "😀",
    "ghp_aA1",
    "%40",
    "a%40a.",
    "1.2.3.",
    "::",
    "1:",
    "aA1_",
  ];
  test.each(units)("%j", (unit) => {
    const half = unit.repeat(Math.ceil(500_000 / unit.length));
    const whole = half + half;
    everything(half.slice(0, 50_000));
    const halfMs = threadCpuMs(() => everything(half));
    const wholeMs = threadCpuMs(() => everything(whole));
    // Quadratic would be four times; the constant lets small times be noisy.
    expect(wholeMs).toBeLessThan(3 * halfMs + 300);
    expect(wholeMs).toBeLessThan(3000);
  });
});

test("a key is found wherever it stands, also behind an escape", () => {
  const redact = createRedactor();
  const key = "xoxb-1a2b3c4d5e";
  for (let before = 0; before < 30; before++)
    for (const edge of [" ", "\\n", "\\u00e4", "€", '"']) {
      const text = `${"w ".repeat(before).slice(before)}${edge}`;
      expect(redact(`${text}${key}.`).text).toBe(`${text}[key].`);
    }
});
