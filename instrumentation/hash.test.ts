import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { HASHED_CHARACTERS, promptHash } from "./hash.ts";

describe("promptHash", () => {
  const request = {
    provider: "openai",
    model: "gpt-4o",
    messages: [{ role: "user", content: "hi" }],
    parameters: { temperature: 0, seed: 7 },
  };

  test("is 128 bits of the sha256 of the canonical request", () => {
    // printf '{"messages":[],"model":"m","provider":"p"}' | sha256sum
    expect(promptHash({ provider: "openai", model: "gpt-4o", messages: [] })).toMatch(
      /^[0-9a-f]{32}$/,
    );
    expect(promptHash({ provider: "p", model: "m", messages: [] })).toBe(
      "e0cacc22318cb7433cca0494b91de75d",
    );
  });

  test("of a long text, as sha256sum has it", () => {
    const content = 'A line with "quotes" and an ü.\n'.repeat(4_000);
    const canonical = JSON.stringify({
      messages: [{ content, role: "user" }],
      model: "m",
      provider: "p",
    });
    const sha256 = createHash("sha256").update(canonical).digest("hex");
    const messages = [{ role: "user", content }];
    expect(promptHash({ provider: "p", model: "m", messages })).toBe(sha256.slice(0, 32));
  });

  test("beyond the characters that count in full, length and slices of a text do", () => {
    const hashOf = (text: string) =>
      promptHash({ provider: "p", model: "m", messages: ["x".repeat(HASHED_CHARACTERS), text] });
    const text = "abcdefgh".repeat(10_000);
    expect(hashOf(`${text}i`)).not.toBe(hashOf(text));
    expect(hashOf(`b${text.slice(1)}`)).not.toBe(hashOf(text));
    expect(hashOf(`${text.slice(0, 1_000)}X${text.slice(1_001)}`)).toBe(hashOf(text)); // between two slices
  });

  test("does not see the order of keys, or absent parts", () => {
    const reordered = {
      parameters: { seed: 7, temperature: 0 },
      messages: [{ content: "hi", role: "user" }],
      model: "gpt-4o",
      provider: "openai",
      tools: undefined,
    };
    expect(promptHash(reordered)).toBe(promptHash(request));
  });

  test.each([
    ["model", { ...request, model: "gpt-4o-mini" }],
    ["message", { ...request, messages: [{ role: "user", content: "hi " }] }],
    ["parameter", { ...request, parameters: { temperature: 0, seed: 8 } }],
    ["system", { ...request, system: "Be brief" }],
    ["tools", { ...request, tools: [] }],
  ])("sees another %s", (_part, other) => {
    expect(promptHash(other)).not.toBe(promptHash(request));
  });
});
