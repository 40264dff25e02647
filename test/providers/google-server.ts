/**
 * Gemini's API on loopback, as the Gemini API and Vertex have it. https://ai.google.dev/api/generate-content; the model's
 * name says how it goes.
 */
import { json, sendEvents, startModelApi, type Exchange, type ModelApi } from "./model-api.ts";

const WORDS = ["One", " two", " three", " four"];

type Body = Record<string, unknown>;

export function startGoogle(): Promise<ModelApi> {
  return startModelApi(answer);
}

async function answer({ path, body, model, attempt, response }: Exchange): Promise<void> {
  if (model.includes("hang")) return;
  if (model.includes("refused")) return refuse(response, 400, "INVALID_ARGUMENT");
  if (model.includes("overloaded") && attempt === 1) return refuse(response, 503, "UNAVAILABLE");
  if (path.endsWith("mbedContents") || path.endsWith(":embedContent"))
    return json(response, embeddingsOf(body));
  const parts = partsOf(model, body);
  if (!path.endsWith(":streamGenerateContent")) return json(response, answerOf(model, parts, true));
  const events = eventsOf(model, parts);
  const error = { error: { code: 503, status: "UNAVAILABLE", message: "Overloaded" } };
  if (model.includes("fails")) events.splice(2, Infinity, error);
  await sendEvents(
    response,
    events.map((data) => ({ data })),
    {
      hangAfter: model.includes("endless") ? 3 : undefined,
      breakAfter: model.includes("broken") ? 3 : undefined,
    },
  );
}

function refuse(response: Exchange["response"], code: number, status: string): void {
  json(response, { error: { code, status, message: `refused: ${status}` } }, code);
}

/** The question, or what a function said to it. */
function partsOf(model: string, body: Body): object[] {
  const call = { functionCall: { name: "weather", args: { city: "Oslo" } } };
  if (body["tools"] && !JSON.stringify(body["contents"]).includes("functionResponse"))
    return [call];
  const thought = { text: "Let me count.", thought: true };
  const text = WORDS.map((word) => ({ text: word }));
  return model.includes("thinking") ? [thought, ...text] : text;
}

function answerOf(model: string, parts: object[], last: boolean): object {
  const blocked = model.includes("blocked");
  return {
    responseId: `id_${model}`,
    modelVersion: model,
    ...(blocked
      ? { promptFeedback: { blockReason: "SAFETY" } }
      : {
          candidates: [
            {
              content: { role: "model", parts: last ? wholeOf(parts) : parts },
              index: 0,
              ...(last ? { finishReason: "STOP" } : {}),
            },
          ],
        }),
    ...(model.includes("silent") ? {} : { usageMetadata: usageOf(model, last) }),
  };
}

/** An answer in one piece has its text in one. */
function wholeOf(parts: object[]): object[] {
  const texts = parts.filter((part) => "text" in part && !("thought" in part));
  const others = parts.filter((part) => !texts.includes(part));
  const text = texts.map((part) => Reflect.get(part, "text") as string).join("");
  return text ? [...others, { text }] : others;
}

function usageOf(model: string, last: boolean): object {
  const prompt = {
    promptTokenCount: 12,
    promptTokensDetails: [{ modality: "TEXT", tokenCount: 12 }],
  };
  if (!last) return { ...prompt, totalTokenCount: 12 };
  if (model.includes("cached"))
    return {
      ...prompt,
      cachedContentTokenCount: 8,
      candidatesTokenCount: 5,
      thoughtsTokenCount: 4,
      totalTokenCount: 21,
    };
  return { ...prompt, candidatesTokenCount: 9, totalTokenCount: 21 };
}

function eventsOf(model: string, parts: object[]): object[] {
  const events = parts.map((part) => answerOf(model, [part], false));
  const last = answerOf(model, [{ text: "" }], true);
  return [...events, last];
}

function embeddingsOf(body: Body): object {
  const values = [0.25, -0.5, 1];
  const requests = body["requests"];
  const usageMetadata = { promptTokenCount: 12 };
  if (!Array.isArray(requests)) return { embedding: { values }, usageMetadata };
  return { embeddings: requests.map(() => ({ values })), usageMetadata };
}
