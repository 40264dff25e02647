/** models.generateContent and generateContentStream: also what chats go through. */
import { ATTR } from "../conventions.ts";
import type { Dialect, Reply, StreamReader } from "../dialect.ts";
import { sizeOf } from "../openai/request.ts";
import type { Usage } from "../pricing.ts";
import { count, fields, list, text, type Fields } from "../untyped.ts";
import { writeInput, writeOutput } from "./content.ts";
import { generationAttributes, generationContent, modelName } from "./request.ts";

export const generateContent: Dialect = {
  operation: "generate_content",
  model: modelName,
  request: generationAttributes,
  content: generationContent,
  reply: (result) => replyOf(result, list(result["candidates"])),
  stream: () => new CandidateStream(),
  input: writeInput,
  output: writeOutput,
};

/** What streams is another method, not a field of the request. */
export const streamGenerateContent: Dialect = {
  ...generateContent,
  request: (body) => ({ ...generationAttributes(body), [ATTR.requestStream]: true }),
};

function replyOf(result: Fields, candidates: readonly unknown[]): Reply {
  return {
    id: text(result["responseId"]),
    model: text(result["modelVersion"]),
    finishReasons: finishReasons(result, candidates),
    usage: generationUsage(result["usageMetadata"]),
    output: candidates,
    outputSize: candidates.reduce<number>(
      (size, candidate) => size + sizeOf(fields(candidate)?.["content"], 4),
      0,
    ),
  };
}

/** A request that is refused for what it says has no candidates, and a reason of its own. */
function finishReasons(result: Fields, candidates: readonly unknown[]): string[] {
  const blocked = text(fields(result["promptFeedback"])?.["blockReason"]);
  if (candidates.length === 0) return [blocked ?? "error"];
  return candidates.map((candidate) => text(fields(candidate)?.["finishReason"]) ?? "error");
}

/** The output that is counted does not hold the thoughts, nor the input what tools added to it. */
function generationUsage(value: unknown): Usage | undefined {
  const said = fields(value);
  const prompt = count(said?.["promptTokenCount"]);
  const answer = count(said?.["candidatesTokenCount"]);
  const thoughts = count(said?.["thoughtsTokenCount"]);
  const total = count(said?.["totalTokenCount"]);
  // Of a stream that is cut, the input is known and the output is not.
  if (!said || (answer === undefined && thoughts === undefined && total === undefined))
    return undefined;
  const usage: Usage = {
    inputTokens: (prompt ?? 0) + (count(said["toolUsePromptTokenCount"]) ?? 0),
    outputTokens: (answer ?? 0) + (thoughts ?? 0),
  };
  const cached = count(said["cachedContentTokenCount"]);
  if (cached !== undefined) usage.cacheReadTokens = cached;
  if (thoughts !== undefined) usage.reasoningTokens = thoughts;
  const heard = audioTokens(said["promptTokensDetails"]);
  const spoken = audioTokens(said["candidatesTokensDetails"]);
  if (heard) usage.audioInputTokens = heard;
  if (spoken) usage.audioOutputTokens = spoken;
  return usage;
}

function audioTokens(details: unknown): number {
  return list(details)
    .map((one) => fields(one) ?? {})
    .filter((one) => one["modality"] === "AUDIO")
    .reduce((sum, one) => sum + (count(one["tokenCount"]) ?? 0), 0);
}

interface Candidate {
  parts: Fields[];
  finishReason: string | undefined;
}

/** Every event is an answer of its own; their parts follow one another, and the last usage counts. */
class CandidateStream implements StreamReader {
  #last: Record<string, unknown> = {};
  readonly #candidates = new Map<number, Candidate>();

  read(event: unknown): boolean {
    const chunk = fields(event);
    if (!chunk) return false;
    for (const name of ["responseId", "modelVersion", "usageMetadata", "promptFeedback"])
      if (chunk[name]) this.#last[name] = chunk[name];
    let output = false;
    for (const value of list(chunk["candidates"])) {
      const candidate = fields(value) ?? {};
      const parts = list(fields(candidate["content"])?.["parts"]).map((part) => fields(part) ?? {});
      const known = this.#candidate(count(candidate["index"]) ?? 0);
      known.parts.push(...parts);
      known.finishReason = text(candidate["finishReason"]) ?? known.finishReason;
      output ||= parts.some((part) => part["text"] !== "");
    }
    return output;
  }

  #candidate(index: number): Candidate {
    const known = this.#candidates.get(index) ?? { parts: [], finishReason: undefined };
    this.#candidates.set(index, known);
    return known;
  }

  reply(): Reply {
    const candidates = [...this.#candidates.values()].map(({ parts, finishReason }) => ({
      content: { role: "model", parts: joined(parts) },
      finishReason,
    }));
    const ended = candidates.some(({ finishReason }) => finishReason !== undefined);
    const result = ended ? this.#last : { ...this.#last, usageMetadata: undefined };
    return replyOf(result, candidates);
  }
}

/** Pieces of one text, or of one thought, are one part. */
function joined(parts: readonly Fields[]): Fields[] {
  const whole: { part: Fields; pieces: string[] }[] = [];
  for (const part of parts) {
    const piece = text(part["text"]);
    const last = whole.at(-1);
    if (piece === undefined) whole.push({ part, pieces: [] });
    else if (last && last.pieces.length > 0 && last.part["thought"] === part["thought"])
      last.pieces.push(piece);
    else whole.push({ part, pieces: [piece] });
  }
  return whole.map(({ part, pieces }) =>
    pieces.length > 0 ? { ...part, text: pieces.join("") } : part,
  );
}
