/** Anthropic's Messages API. https://docs.anthropic.com/en/api/messages */
import { z } from "zod";
import {
  CallError,
  PURPOSE,
  PURPOSE_HEADER,
  failureOfStatus,
  retryAfterMs,
  type CallModel,
} from "./provider.ts";

const VERSION = "2023-06-01";

const message = z.object({
  content: z.array(z.object({ type: z.string(), text: z.string().optional() })),
  stop_reason: z.string().nullish(),
  model: z.string(),
  usage: z.object({
    input_tokens: z.number(),
    output_tokens: z.number(),
    cache_read_input_tokens: z.number().nullish(),
    cache_creation_input_tokens: z.number().nullish(),
  }),
});
const refusal = z.object({ error: z.object({ type: z.string(), message: z.string() }) });

export function anthropicProvider({
  baseUrl,
  apiKey,
}: {
  baseUrl: string;
  apiKey: string;
}): CallModel {
  const url = `${baseUrl.replace(/\/+$/, "")}/v1/messages`;
  return async ({ model, system, turns, temperature, maxTokens, timeoutMs }, signal) => {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "anthropic-version": VERSION,
        [PURPOSE_HEADER]: PURPOSE,
        ...(apiKey ? { "x-api-key": apiKey } : {}),
      },
      body: JSON.stringify({
        model,
        ...(system === "" ? {} : { system }),
        messages: turns.map(({ role, text }) => ({ role, content: text })),
        temperature: Math.min(1, temperature),
        max_tokens: maxTokens,
      }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    }).catch((error: unknown) => {
      if (signal.aborted) throw error;
      throw new CallError("unavailable", String(error), { cause: error });
    });
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok) {
      const said = refusal.safeParse(body).data?.error;
      throw new CallError(
        failureOfStatus(response.status === 529 ? 503 : response.status, said?.type ?? ""),
        `${response.status} ${said?.message ?? response.statusText}`,
        { retryAfterMs: retryAfterMs(response.headers.get("retry-after")) },
      );
    }
    const parsed = message.safeParse(body);
    if (!parsed.success) throw new CallError("unavailable", "the provider's answer is no message");
    const { content, stop_reason, usage, model: served } = parsed.data;
    const read = usage.cache_read_input_tokens ?? 0;
    const written = usage.cache_creation_input_tokens ?? 0;
    return {
      text: content.map(({ text }) => text ?? "").join(""),
      finish:
        stop_reason === "max_tokens" ? "length" : stop_reason === "refusal" ? "filter" : "stop",
      model: served,
      fingerprint: "",
      usage: {
        inputTokens: usage.input_tokens + read + written,
        outputTokens: usage.output_tokens,
        ...(read > 0 ? { cacheReadTokens: read } : {}),
      },
    };
  };
}
