/** The models that the stand-in pretends to be, and how fast they are. */

export interface ChatModel {
  /** What the API says that it served, with its date. */
  snapshot: string;
  contextWindow: number;
  reasoning: boolean;
  firstTokenMs: number;
  tokensPerSecond: number;
}

export const CHAT_MODELS: ReadonlyMap<string, ChatModel> = new Map(
  Object.entries({
    "gpt-4o": chat("gpt-4o-2024-08-06", 128_000, 420, 90),
    "gpt-4o-mini": chat("gpt-4o-mini-2024-07-18", 128_000, 310, 120),
    "gpt-4.1": chat("gpt-4.1-2025-04-14", 1_047_576, 480, 85),
    "gpt-4.1-mini": chat("gpt-4.1-mini-2025-04-14", 1_047_576, 330, 130),
    "gpt-4.1-nano": chat("gpt-4.1-nano-2025-04-14", 1_047_576, 220, 180),
    "stand-in-judge": chat("stand-in-judge", 128_000, 50, 400),
    "o4-mini": { ...chat("o4-mini-2025-04-16", 200_000, 450, 140), reasoning: true },
  }).flatMap(([name, model]) => [
    [name, model],
    [model.snapshot, model],
  ]),
);

function chat(
  snapshot: string,
  contextWindow: number,
  firstTokenMs: number,
  tokensPerSecond: number,
): ChatModel {
  return { snapshot, contextWindow, reasoning: false, firstTokenMs, tokensPerSecond };
}

/** Dimensions by model. */
export const EMBEDDING_MODELS: ReadonlyMap<string, number> = new Map([
  ["text-embedding-3-small", 1536],
  ["text-embedding-3-large", 3072],
]);
