import { hash } from "node:crypto";
import { expect, test } from "vitest";
import { ContentWriter } from "./content-writer.ts";
import { chat } from "./openai/chat.ts";
import { createDigest } from "./text-digest.ts";

test("equal texts have equal digests, another key gives others, and the text is not in them", () => {
  const plain = createDigest(undefined);
  expect(plain("a secret")).toBe(
    `[sha256:${hash("sha256", "a secret", "hex").slice(0, 32)}, 8 characters]`,
  );
  const [one, other] = ["1", "2"].map((digit) => createDigest(digit.repeat(32)));
  expect(one!("a secret")).toMatch(/^\[hmac:[0-9a-f]{32}, 8 characters\]$/);
  expect(one!("a secret")).not.toBe(other!("a secret"));
});

test("a conversation keeps its form and none of its text", () => {
  const writer = ContentWriter.digesting(createDigest(undefined));
  const content = chat.content({
    messages: [
      { role: "system", content: "classified" },
      { role: "user", content: [{ type: "text", text: "classified" }] },
      {
        role: "assistant",
        tool_calls: [{ id: "c1", function: { name: "look", arguments: '{"for":"classified"}' } }],
      },
      { role: "tool", tool_call_id: "c1", content: "classified" },
    ],
  });
  const { messages } = chat.input(content, writer);
  expect(JSON.stringify(messages)).not.toContain("classified");
  const token = createDigest(undefined)("classified");
  expect(messages).toEqual([
    { role: "system", parts: [{ type: "text", content: token }] },
    { role: "user", parts: [{ type: "text", content: token }] },
    {
      role: "assistant",
      parts: [
        { type: "tool_call", id: "c1", name: "look", arguments: expect.stringMatching(/^\[sha/) },
      ],
    },
    { role: "tool", parts: [{ type: "tool_call_response", id: "c1", response: token }] },
  ]);
  expect(writer.definition({ type: "function", name: "look", description: "classified" })).toEqual({
    type: "function",
    name: "look",
    parameters: expect.stringMatching(/^\[sha/),
  });
});
