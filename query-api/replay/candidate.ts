/** Asks the candidate: any endpoint that speaks OpenAI's chat completions. */
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { RecordedCall } from "./sample.ts";

const TIMEOUT_MS = 120_000;
const ATTEMPTS = 3;
const LONGEST_WAIT_MS = 30_000;

export interface Candidate {
  provider: string;
  model: string;
  /** As in `https://api.example.com/v1`. */
  url: string;
  /** Sent as a bearer token; undefined: none. */
  key: string | undefined;
}

export interface CandidateAnswer {
  startMs: number;
  durationMs: number;
  /** Undefined: it failed, as `error` says. */
  text: string | undefined;
  error: string;
  model: string;
  id: string;
  finishReason: string;
  usage: { input: number; output: number; cached: number; reasoning: number } | undefined;
}

const count = z.number().int().min(0);
const completion = z.looseObject({
  id: z.string().default(""),
  model: z.string().default(""),
  choices: z
    .array(
      z.looseObject({
        finish_reason: z.string().nullish(),
        message: z.looseObject({ content: z.string() }),
      }),
    )
    .min(1),
  usage: z
    .looseObject({
      prompt_tokens: count,
      completion_tokens: count,
      prompt_tokens_details: z.looseObject({ cached_tokens: count.nullish() }).nullish(),
      completion_tokens_details: z.looseObject({ reasoning_tokens: count.nullish() }).nullish(),
    })
    .nullish(),
});

/** Resolves whatever happens: a call that fails is a result, too. */
export async function askCandidate(
  candidate: Candidate,
  call: RecordedCall,
  fetcher: typeof fetch = fetch,
): Promise<CandidateAnswer> {
  const startMs = Date.now();
  const failed = (error: string): CandidateAnswer => ({
    startMs,
    durationMs: Date.now() - startMs,
    text: undefined,
    error,
    model: "",
    id: "",
    finishReason: "",
    usage: undefined,
  });
  try {
    const response = await post(candidate, call, fetcher);
    if (!response.ok) return failed(String(response.status));
    const parsed = completion.safeParse(await response.json());
    if (!parsed.success) return failed("not a chat completion");
    return { ...answerOf(parsed.data), startMs, durationMs: Date.now() - startMs };
  } catch (error) {
    return failed(error instanceof Error ? error.name : "failed");
  }
}

function answerOf({
  id,
  model,
  choices,
  usage,
}: z.output<typeof completion>): Omit<CandidateAnswer, "startMs" | "durationMs"> {
  return {
    text: choices[0]!.message.content,
    error: "",
    id,
    model,
    finishReason: choices[0]!.finish_reason ?? "",
    usage: usage
      ? {
          input: usage.prompt_tokens,
          output: usage.completion_tokens,
          cached: usage.prompt_tokens_details?.cached_tokens ?? 0,
          reasoning: usage.completion_tokens_details?.reasoning_tokens ?? 0,
        }
      : undefined,
  };
}

async function post(
  { url, key, model }: Candidate,
  call: RecordedCall,
  fetcher: typeof fetch,
): Promise<Response> {
  const body = JSON.stringify({
    model,
    messages: call.messages,
    ...(call.temperature !== null && { temperature: call.temperature }),
    ...(call.topP !== null && { top_p: call.topP }),
    ...(call.maxTokens > 0 && { max_tokens: call.maxTokens }),
  });
  for (let attempt = 1; ; attempt++) {
    const response = await fetcher(`${url.replace(/\/$/, "")}/chat/completions`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
      },
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const mayPass = response.status === 429 || response.status >= 500;
    if (!mayPass || attempt === ATTEMPTS) return response;
    const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
    const waitMs = Number.isFinite(seconds) ? seconds * 1000 : 500 * 2 ** attempt;
    await delay(Math.min(waitMs, LONGEST_WAIT_MS));
  }
}
