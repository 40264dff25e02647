/** The conventions' provider names and the price data's. */

/** Names that the data does not know itself, or would take for another provider. Lower case. */
const PROVIDER_ALIASES: ReadonlyMap<string, string> = new Map([
  ["azure.ai.openai", "azure"],
  ["azure.ai.inference", "azure"],
  ["az.ai.openai", "azure"],
  ["az.ai.inference", "azure"],
  ["azure_openai", "azure"],
  ["azure-openai", "azure"],
  ["azureopenai", "azure"],
  ["aws.bedrock", "aws"],
  ["gcp.vertex_ai", "google"],
  ["gcp.gemini", "google"],
  ["gcp.gen_ai", "google"],
  ["mistral_ai", "mistral"],
  ["x_ai", "x-ai"],
  ["xai", "x-ai"],
  ["moonshot_ai", "moonshotai"],
  ["together_ai", "together"],
  ["fireworks_ai", "fireworks"],
  ["voyage_ai", "voyageai"],
]);

export function providerIdOf(provider: string): string {
  return PROVIDER_ALIASES.get(provider.toLowerCase()) ?? provider;
}

/**
 * All providers of the data, which has no synchronous way to list them. Needed to list prices, not to resolve them; a
 * test compares it with the data.
 */
export const PROVIDER_IDS: readonly string[] = [
  "anthropic",
  "arcee",
  "avian",
  "aws",
  "azure",
  "baseten",
  "cerebras",
  "cloudflare",
  "cohere",
  "cursor",
  "deepseek",
  "doubleword",
  "fireworks",
  "github-copilot",
  "google",
  "groq",
  "huggingface_cerebras",
  "huggingface_fireworks-ai",
  "huggingface_groq",
  "huggingface_hyperbolic",
  "huggingface_nebius",
  "huggingface_novita",
  "huggingface_nscale",
  "huggingface_ovhcloud",
  "huggingface_publicai",
  "huggingface_sambanova",
  "huggingface_together",
  "minimax",
  "mistral",
  "modal",
  "moonshotai",
  "novita",
  "openai",
  "openrouter",
  "ovhcloud",
  "perplexity",
  "quicksilverpro",
  "together",
  "typesafe",
  "voyageai",
  "x-ai",
  "zai",
  "zhipuai",
];
