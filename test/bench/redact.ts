/**
 * What redaction costs, in CPU seconds per million spans.
 *
 *     node test/bench/redact.ts [spans per request] [requests]
 *
 * Model call spans of about 2.2 KB: prose without secrets, the same with one in every fiftieth span, with a secret in
 * each, and with patterns of one's own. Prints the best and the median of several rounds after a warm-up.
 */
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { SpanKind, TraceFlags } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { randomBytes, randomInt } from "node:crypto";
import { parsePrivacy } from "../../collector/privacy.ts";
import { createTraceRedactor } from "../../collector/redact/traces.ts";

type ReadableSpan = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];

const spansPerRequest = Number(process.argv[2] ?? 250);
const requests = Number(process.argv[3] ?? 40);
const ROUNDS = 9;
const KEY = randomBytes(32).toString("hex");

const WORDS =
  "the of and to in is that for it was on are as with they at be this have from or one had by word but not what all were we when your can said there use an each which she do how their if will up other about out many then them these so some her would make like him into time has look two more write go see number no way could people my than first water been call who oil its now find long down day did get come made may part".split(
    " ",
  );
const prose = (length: number): string => {
  let out = "";
  while (out.length < length) out += `${WORDS[randomInt(WORDS.length)]} `;
  return out.slice(0, length);
};
const message = (role: string, content: string) =>
  JSON.stringify([{ role, parts: [{ type: "text", content }] }]);

const resource = resourceFromAttributes({
  "service.name": "checkout-assistant",
  "service.namespace": "shop",
  "service.instance.id": "b3b6c1d2-6a0d-4e63-9d36-0f3c6f8a4a11",
  "telemetry.sdk.version": "2.12.1",
});

function makeSpan(index: number, secret: string): ReadableSpan {
  const spanContext = {
    traceId: randomBytes(16).toString("hex"),
    spanId: randomBytes(8).toString("hex"),
    traceFlags: TraceFlags.SAMPLED,
  };
  const start = Math.floor(Date.now() / 1000);
  return {
    name: "chat gpt-4o-mini",
    kind: SpanKind.CLIENT,
    spanContext: () => spanContext,
    startTime: [start, index],
    endTime: [start + 1, index],
    status: { code: 0 },
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-4o-mini",
      "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
      "gen_ai.response.id": `chatcmpl-${randomBytes(12).toString("hex")}`,
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.request.temperature": 0.2,
      "gen_ai.request.max_tokens": 512,
      "gen_ai.usage.input_tokens": 300 + (index % 700),
      "gen_ai.usage.output_tokens": 80 + (index % 90),
      "gen_ai.usage.cost.amount": 0.000091,
      "assay.cost.amount_exact": "0.000091200000",
      "assay.prompt.hash": randomBytes(16).toString("hex"),
      "gen_ai.prompt.name": "answer",
      "gen_ai.prompt.version": "7",
      "gen_ai.conversation.id": randomBytes(8).toString("hex"),
      "user.id": `user-${index % 3_000}`,
      "server.address": "api.openai.com",
      "server.port": 443,
      "gen_ai.input.messages": message("user", prose(800) + secret),
      "gen_ai.output.messages": message("assistant", prose(350)),
    },
    links: [],
    events: [],
    duration: [1, 0],
    ended: true,
    resource,
    instrumentationScope: { name: "@assay/instrumentation", version: "0.1.0" },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  } as ReadableSpan;
}

const bodiesWith = (secretOf: (index: number) => string): Uint8Array[] =>
  Array.from({ length: requests }, (_, request) =>
    ProtobufTraceSerializer.serializeRequest(
      Array.from({ length: spansPerRequest }, (_unused, i) => {
        const index = request * spansPerRequest + i;
        return makeSpan(index, secretOf(index));
      }),
    )!,
  );

const SECRET = " write to ada.lovelace@example.com or +49 30 1234567";
const none = bodiesWith(() => "");
const some = bodiesWith((index) => (index % 50 === 0 ? SECRET : ""));
const each = bodiesWith(() => SECRET);

const OWN =
  "redact: { patterns: [{ name: customer, pattern: 'CUST-\\d{8}' }, { name: ssn, pattern: '\\b\\d{3}-\\d{2}-\\d{4}\\b' }] }";
const cases: [name: string, config: string, bodies: Uint8Array[]][] = [
  ["defaults, no secrets", "redact: {}", none],
  ["defaults, a secret in each 50th span", "redact: {}", some],
  ["defaults, two secrets in each span", "redact: {}", each],
  ["tokens, two secrets in each span", "redact: { detect: { email: hash, phone: hash } }", each],
  ["two patterns of one's own, no secrets", OWN, none],
  ["without content", "redact: { content: drop }", none],
];

const spans = spansPerRequest * requests;
const bytes = Math.round(none.reduce((sum, body) => sum + body.length, 0) / spans);
console.log(`${spans} spans a round, ${bytes} B each, ${spansPerRequest} a request`);
for (const [name, config, bodies] of cases) {
  const redact = createTraceRedactor(parsePrivacy(config, KEY, "bench").redact!);
  const seconds: number[] = [];
  let redactions = 0;
  for (let round = 0; round < ROUNDS + 3; round++) {
    redactions = 0;
    const before = process.cpuUsage();
    for (const body of bodies) redactions += redact(body).redactions;
    const { user, system } = process.cpuUsage(before);
    if (round >= 3) seconds.push((user + system) / spans);
  }
  seconds.sort((a, b) => a - b);
  const [best, median] = [seconds[0]!, seconds[(ROUNDS - 1) / 2]!];
  console.log(
    `${name}: best ${best.toFixed(2)}, median ${median.toFixed(2)} CPU s per million spans (${redactions} replaced)`,
  );
}
