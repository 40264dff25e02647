/**
 * Whose API a client speaks to, by the host of its base URL: many providers answer OpenAI's protocol. A row added here
 * names one more. The names are those of the GenAI conventions where they have one.
 */
/** By suffix of the host name; the first match counts. */
const PROVIDERS: readonly (readonly [suffix: string, provider: string])[] = [
  ["api.openai.com", "openai"],
  ["openai.com", "openai"],
  ["openai.azure.com", "azure.ai.openai"],
  ["cognitiveservices.azure.com", "azure.ai.openai"],
  ["services.ai.azure.com", "azure.ai.inference"],
  ["models.inference.ai.azure.com", "azure.ai.inference"],
  ["groq.com", "groq"],
  ["deepseek.com", "deepseek"],
  ["together.xyz", "together"],
  ["together.ai", "together"],
  ["openrouter.ai", "openrouter"],
  ["mistral.ai", "mistral_ai"],
  ["x.ai", "x_ai"],
  ["perplexity.ai", "perplexity"],
  ["fireworks.ai", "fireworks"],
  ["cerebras.ai", "cerebras"],
  ["moonshot.ai", "moonshot_ai"],
  ["moonshot.cn", "moonshot_ai"],
  ["anthropic.com", "anthropic"],
  ["generativelanguage.googleapis.com", "gcp.gemini"],
  ["aiplatform.googleapis.com", "gcp.vertex_ai"],
  // A region stands before it without a dot.
  ["-aiplatform.googleapis.com", "gcp.vertex_ai"],
  ["cohere.com", "cohere"],
  ["cohere.ai", "cohere"],
  ["api.aws", "aws.bedrock"],
  ["amazonaws.com", "aws.bedrock"],
];

/** Ollama's own port, on any host: it has no host name of its own. */
const OLLAMA_PORT = 11434;

export interface ServerAddress {
  provider: string;
  address: string;
  port: number | undefined;
}

/** @param otherwise the provider where the host does not tell */
export function serverOf(baseUrl: string | undefined, otherwise: string): ServerAddress {
  if (!baseUrl || !URL.canParse(baseUrl))
    return { provider: otherwise, address: "", port: undefined };
  const url = new URL(baseUrl);
  const port = Number(url.port) || (url.protocol === "http:" ? 80 : 443);
  const provider = knownProvider(url.hostname) ?? (port === OLLAMA_PORT ? "ollama" : otherwise);
  return { provider, address: url.hostname, port };
}

/** The host belongs to a model API of a third party: it has no use for our trace ids. */
export function isModelApiHost(host: string): boolean {
  return knownProvider(host) !== undefined;
}

function knownProvider(host: string): string | undefined {
  return PROVIDERS.find(
    ([suffix]) => host === suffix || host.endsWith(suffix.startsWith("-") ? suffix : `.${suffix}`),
  )?.[1];
}
