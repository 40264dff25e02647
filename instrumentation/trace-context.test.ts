import { expect, test } from "vitest";
import { isModelApiHost, serverOf } from "./providers.ts";
import { formatTraceparent, parseTraceparent } from "./trace-context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

test.each([
  ["sampled", `00-${TRACE}-${SPAN}-01`, 1],
  ["not sampled", `00-${TRACE}-${SPAN}-00`, 0],
  ["a later version with more fields", `01-${TRACE}-${SPAN}-01-more`, 1],
])("read: %s", (_, header, flags) => {
  expect(parseTraceparent(header, "a=b")).toMatchObject({
    traceId: TRACE,
    spanId: SPAN,
    traceFlags: flags,
    isRemote: true,
  });
});

test.each([
  ["nothing", undefined],
  ["the forbidden version", `ff-${TRACE}-${SPAN}-01`],
  ["version 00 with more fields", `00-${TRACE}-${SPAN}-01-more`],
  ["a trace id of zeros", `00-${"0".repeat(32)}-${SPAN}-01`],
  ["upper case", `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ["too short", `00-${TRACE.slice(1)}-${SPAN}-01`],
])("refused: %s", (_, header) => {
  expect(parseTraceparent(header, undefined)).toBeUndefined();
});

test("written as it was read", () => {
  const header = `00-${TRACE}-${SPAN}-01`;
  expect(formatTraceparent(parseTraceparent(header, undefined)!)).toBe(header);
});

test.each([
  ["https://api.openai.com/v1", "openai", "api.openai.com", 443],
  ["https://shop.openai.azure.com/openai", "azure.ai.openai", "shop.openai.azure.com", 443],
  ["https://api.groq.com/openai/v1", "groq", "api.groq.com", 443],
  ["https://openrouter.ai/api/v1", "openrouter", "openrouter.ai", 443],
  ["http://localhost:11434/v1", "ollama", "localhost", 11434],
  ["http://proxy.internal:8080/v1", "openai", "proxy.internal", 8080],
  ["https://notopenai.com/v1", "openai", "notopenai.com", 443],
])("provider of %s", (url, provider, address, port) => {
  expect(serverOf(url, "openai")).toEqual({ provider, address, port });
});

test("the hosts that get no trace context by default", () => {
  expect(["api.openai.com", "api.deepseek.com"].every(isModelApiHost)).toBe(true);
  expect(["localhost", "answers.internal", "notopenai.com"].some(isModelApiHost)).toBe(false);
});
