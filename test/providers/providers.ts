/** The providers of the support table. A row added here, and a test that calls contractSuite, adds one. */
import { anthropic } from "./anthropic.ts";
import { bedrock } from "./bedrock.ts";
import type { Provider } from "./contract.ts";
import { google } from "./google.ts";
import { OPENAI } from "./openai.ts";
import { cohere, groq, mistral, ollama, together } from "./net.ts";

export const PROVIDERS: readonly Provider[] = [
  ...OPENAI,
  anthropic,
  google,
  bedrock,
  groq,
  together,
  mistral,
  cohere,
  ollama,
];
