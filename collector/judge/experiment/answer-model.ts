/**
 * The application's model as an experiment asks it: any API of OpenAI's form, a prompt from a file with `{{question}}`,
 * `{{context}}` and the like in it. Values are put in as they are and never read for placeholders themselves.
 */
import OpenAI from "openai";
import { hashOf } from "../judge-hash.ts";
import type { JudgedRecord } from "../prompt.ts";

export interface AnswerModel {
  baseUrl: string;
  apiKey: string;
  model: string;
  /** With placeholders, as `system`. */
  prompt: string;
  system: string | undefined;
  temperature: number | undefined;
  seed: number | undefined;
  maxTokens: number | undefined;
}

export interface ModelOutput {
  text: string;
  inputTokens: number;
  outputTokens: number;
  latencyMs: number;
}

const TIMEOUT_MS = 120_000;
const RETRIES = 4;
const PLACEHOLDERS = ["question", "context", "reference"] as const;

/** @throws that there is no question in it, or as checkPlaceholders does */
export function checkPrompt(prompt: string, file: string): void {
  if (!checkPlaceholders(prompt, file).includes("question"))
    throw new Error(`${file}: expected {{question}} in the prompt`);
}

/** @throws naming the first placeholder that is none */
export function checkPlaceholders(text: string, file: string): string[] {
  const found = [...text.matchAll(/\{\{\s*(\w+)\s*\}\}/g)].map(([, name]) => name!);
  const unknown = found.find((name) => !PLACEHOLDERS.some((known) => known === name));
  if (unknown !== undefined)
    throw new Error(
      `${file}: expected placeholders ${PLACEHOLDERS.map((name) => `{{${name}}}`).join(", ")}, got "{{${unknown}}}"`,
    );
  return found;
}

export function filled(prompt: string, { question, context, reference }: JudgedRecord): string {
  const values: Record<string, string> = {
    question: question ?? "",
    context: (context ?? []).join("\n\n"),
    reference: reference ?? "",
  };
  return prompt.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (_all, name: string) => values[name] ?? "");
}

/** Of the texts alone. */
export function promptHash({ prompt, system }: Pick<AnswerModel, "prompt" | "system">): string {
  return hashOf({ prompt, system: system ?? null });
}

/** @returns what asks the model. @throws (the promise) as the package does, when it gave no answer */
export function answerModel(options: AnswerModel): (record: JudgedRecord) => Promise<ModelOutput> {
  const { baseUrl, apiKey, model, prompt, system, temperature, seed, maxTokens } = options;
  const client = new OpenAI({
    baseURL: baseUrl,
    apiKey: apiKey || "none",
    maxRetries: RETRIES,
    timeout: TIMEOUT_MS,
  });
  return async (record) => {
    const began = performance.now();
    const completion = await client.chat.completions.create({
      model,
      messages: [
        ...(system === undefined
          ? []
          : [{ role: "system" as const, content: filled(system, record) }]),
        { role: "user", content: filled(prompt, record) },
      ],
      ...(temperature !== undefined && { temperature }),
      ...(seed !== undefined && { seed }),
      ...(maxTokens !== undefined && { max_tokens: maxTokens }),
    });
    const text = completion.choices[0]?.message.content;
    if (!text) throw new Error("the model's answer has no text");
    return {
      text,
      inputTokens: completion.usage?.prompt_tokens ?? 0,
      outputTokens: completion.usage?.completion_tokens ?? 0,
      latencyMs: performance.now() - began,
    };
  };
}
