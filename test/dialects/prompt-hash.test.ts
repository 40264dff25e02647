/** One hash for a request, computed in the service from its body and in the collector from what a span says of it. */
import { expect, test } from "vitest";
import { hashOfPrompt } from "../../collector/dialects/prompt-hash.ts";
import { chat } from "../../instrumentation/openai/chat.ts";
import { embeddings } from "../../instrumentation/openai/embeddings.ts";
import { hashOfCall } from "../../instrumentation/prompt-hash.ts";
import type { Dialect } from "../../instrumentation/dialect.ts";
import type { Fields } from "../../instrumentation/untyped.ts";

function hashOf(body: Fields, dialect: Dialect = chat): string {
  const attributes = dialect.request(body);
  const content = dialect.content(body);
  return hashOfCall({ dialect, body, provider: "openai", model: "m", content, attributes });
}

const BODY = {
  model: "m",
  temperature: 0.5,
  seed: 7,
  max_tokens: 64,
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: "What is a span?" },
  ],
};

const part = (content: string) => ({ type: "text", content });
const SPAN: Fields = {
  "gen_ai.provider.name": "openai",
  "gen_ai.request.model": "m",
  "gen_ai.request.temperature": 0.5,
  "gen_ai.request.seed": 7,
  "gen_ai.request.max_tokens": 64,
};

test.each<[string, Fields]>([
  [
    "instructions in the conversation",
    {
      "gen_ai.input.messages": JSON.stringify([
        { role: "system", parts: [part("Be brief.")] },
        { role: "user", parts: [part("What is a span?")] },
      ]),
    },
  ],
  [
    "instructions apart",
    {
      "gen_ai.system_instructions": JSON.stringify([part("Be brief.")]),
      "gen_ai.input.messages": JSON.stringify([{ role: "user", parts: [part("What is a span?")] }]),
    },
  ],
])("the collector's hash of a foreign span is ours: %s", (_, messages) => {
  const attributes: Fields = { ...SPAN, ...messages };
  expect(hashOfPrompt((key) => attributes[key])).toBe(hashOf(BODY));
});

test("how the answer is carried and who asks is not part of it, what changes the answer is", () => {
  expect(hashOf({ ...BODY, stream: true, user: "u", metadata: { a: "b" } })).toBe(hashOf(BODY));
  for (const change of [
    { temperature: 0.6 },
    { response_format: { type: "json_object" } },
    { messages: [...BODY.messages, { role: "user", content: "?" }] },
    { tools: [{ type: "function", function: { name: "f", parameters: {} } }] },
  ])
    expect(hashOf({ ...BODY, ...change })).not.toBe(hashOf(BODY));
});

test("inputs given in tokens are told apart", () => {
  const ofTokens = (input: unknown): string => hashOf({ model: "m", input }, embeddings);
  expect(new Set([[1, 2], [1, 3], [[1, 2]], "1,2"].map(ofTokens)).size).toBe(4);
});

test("a file of 20 MB takes no time, and two of them are told apart", () => {
  const ofFile = (middle: string): string => {
    const data = `${"A".repeat(10_000_000)}${middle.repeat(10_000_000)}`;
    const content = [{ type: "image_url", image_url: { url: `data:image/png;base64,${data}` } }];
    return hashOf({ ...BODY, messages: [{ role: "user", content }] });
  };
  expect(ofFile("B")).not.toBe(ofFile("C"));
});
