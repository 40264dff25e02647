import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { ContentWriter, PART_LIMIT, SPAN_LIMIT } from "./content-writer.ts";
import { chat } from "./openai/chat.ts";
import { responses } from "./openai/responses.ts";

const redactX = (text: string) => {
  const pieces = text.split("SECRET");
  return { text: pieces.join("[x]"), redactions: pieces.length - 1 };
};

test("a part is cut to its limit and says so", () => {
  const writer = new ContentWriter(undefined);
  const long = "a".repeat(PART_LIMIT + 10_000);
  expect(writer.text(long)).toBe(
    `${"a".repeat(PART_LIMIT)}… [truncated from ${long.length} characters]`,
  );
  expect(writer.truncated).toBe(1);
});

test("a span's parts share one limit", () => {
  const writer = new ContentWriter(undefined);
  let kept = 0;
  for (let part = 0; part < 20; part++)
    kept += writer.text("b".repeat(PART_LIMIT)).replace(/….*/, "").length;
  expect(kept).toBe(SPAN_LIMIT);
});

test("a secret across the cut is replaced before the cut", () => {
  const writer = new ContentWriter(redactX);
  const written = writer.text(`${"a".repeat(PART_LIMIT - 2)}SECRET${"b".repeat(100)}`);
  expect(written).not.toContain("SE");
  expect(writer.redactions).toBe(1);
});

test("binary data becomes its size and hash, addresses lose their query", () => {
  const writer = new ContentWriter(undefined);
  const bytes = Buffer.from("a picture");
  expect(writer.media("image", `data:image/png;base64,${bytes.toString("base64")}`)).toEqual({
    type: "blob",
    modality: "image",
    mime_type: "image/png",
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  });
  expect(writer.media("image", "https://files.example/a.png?signature=s")).toEqual({
    type: "uri",
    modality: "image",
    uri: "https://files.example/a.png",
  });
});

test("chat messages in the conventions' form", () => {
  const content = chat.content({
    messages: [
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: "Look" },
          { type: "file", file: { file_id: "f1" } },
        ],
      },
      {
        role: "assistant",
        tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: '{"a":1}' } }],
      },
      { role: "tool", tool_call_id: "c1", content: "42" },
      "not a message",
    ],
  });
  expect(chat.input(content, new ContentWriter(undefined)).messages).toEqual([
    { role: "system", parts: [{ type: "text", content: "Be brief." }] },
    {
      role: "user",
      parts: [
        { type: "text", content: "Look" },
        { type: "file", modality: "document", file_id: "f1" },
      ],
    },
    { role: "assistant", parts: [{ type: "tool_call", id: "c1", name: "f", arguments: { a: 1 } }] },
    { role: "tool", parts: [{ type: "tool_call_response", id: "c1", response: "42" }] },
    { role: "assistant", parts: [] },
  ]);
});

test("response items in the conventions' form", () => {
  const writer = new ContentWriter(undefined);
  const reply = responses.reply({
    status: "completed",
    output: [
      { type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }] },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "So." }] },
      { type: "function_call", call_id: "c1", name: "f", arguments: "not json" },
    ],
  });
  expect(reply.finishReasons).toEqual(["tool_calls"]);
  expect(responses.output(reply, writer)).toEqual([
    {
      role: "assistant",
      parts: [
        { type: "reasoning", content: "Hm." },
        { type: "text", content: "So." },
        { type: "tool_call", id: "c1", name: "f", arguments: "not json" },
      ],
      finish_reason: "tool_call",
    },
  ]);
});
