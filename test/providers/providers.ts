/** The providers of the support table. A row added here, and a test that calls contractSuite, adds one. */
import { AI_SDK } from "./ai-sdk.ts";
import { anthropic } from "./anthropic.ts";
import { bedrock } from "./bedrock.ts";
import type { Provider } from "./contract.ts";
import { google } from "./google.ts";
import { langchain } from "./langchain.ts";
import { llamaindex } from "./llamaindex.ts";
import { OPENAI } from "./openai.ts";
import { cohere, groq, mistral, ollama, together } from "./net.ts";

export const PROVIDERS: readonly Provider[] = [
  ...OPENAI,
  anthropic,
  google,
  bedrock,
  ...AI_SDK,
  langchain,
  llamaindex,
  groq,
  together,
  mistral,
  cohere,
  ollama,
];
