/** The conventions' words for providers and operations, whatever others call them. */

const PROVIDERS: Readonly<Record<string, string>> = {
  amazon_bedrock: "aws.bedrock",
  "amazon-bedrock": "aws.bedrock",
  aws: "aws.bedrock",
  aws_bedrock: "aws.bedrock",
  bedrock: "aws.bedrock",
  azure: "azure.ai.openai",
  azure_openai: "azure.ai.openai",
  "azure-openai": "azure.ai.openai",
  azureopenai: "azure.ai.openai",
  "az.ai.openai": "azure.ai.openai",
  "az.ai.inference": "azure.ai.inference",
  azure_ai: "azure.ai.inference",
  gemini: "gcp.gemini",
  google: "gcp.gen_ai",
  google_genai: "gcp.gemini",
  "google.generative-ai": "gcp.gemini",
  google_vertexai: "gcp.vertex_ai",
  "google.vertex": "gcp.vertex_ai",
  vertex_ai: "gcp.vertex_ai",
  vertexai: "gcp.vertex_ai",
  mistral: "mistral_ai",
  mistralai: "mistral_ai",
  moonshot: "moonshot_ai",
  moonshotai: "moonshot_ai",
  watsonx: "ibm.watsonx.ai",
  xai: "x_ai",
};

/** Words that are already the conventions', and have a dot. */
const WITH_DOT = /^(aws|azure|gcp|ibm)\./;

/** `OpenAI`, `openai.responses`, `az.ai.openai` … as the conventions name them; an unknown name in lower case. */
export function providerName(name: string): string {
  const lower = name.trim().toLowerCase();
  const known = PROVIDERS[lower];
  if (known !== undefined) return known;
  if (WITH_DOT.test(lower)) return lower;
  // The AI SDK adds the kind of model: google.vertex.chat, openai.responses.
  const dot = lower.lastIndexOf(".");
  return dot > 0 ? providerName(lower.slice(0, dot)) : lower;
}

const MODELS: readonly (readonly [RegExp, string])[] = [
  [/^(gpt-|o[1-9]|chatgpt|text-embedding-|davinci|babbage|whisper|tts-|dall-e)/, "openai"],
  [/^claude/, "anthropic"],
  [/^(gemini|gemma)/, "gcp.gemini"],
  [/^(mistral|ministral|codestral|magistral|pixtral|mixtral)/, "mistral_ai"],
  [/^command/, "cohere"],
  [/^deepseek/, "deepseek"],
  [/^grok/, "x_ai"],
];

/** For dialects that do not say whose model it is. */
export function providerOfModel(model: unknown): string | undefined {
  if (typeof model !== "string") return undefined;
  const lower = model.toLowerCase();
  return MODELS.find(([pattern]) => pattern.test(lower))?.[1];
}

const OPERATIONS: Readonly<Record<string, string>> = {
  audio: "speech",
  completion: "text_completion",
  embedding: "embeddings",
  image: "image_generation",
  tool: "execute_tool",
  vectordb: "retrieval",
};

export function operationName(name: string): string {
  return OPERATIONS[name] ?? name;
}
