/** The providers of the support table. A row added here, and a test that calls contractSuite, adds one. */
import { anthropic } from "./anthropic.ts";
import type { Provider } from "./contract.ts";
import { cohere, groq, mistral, ollama, together } from "./net.ts";

export const PROVIDERS: readonly Provider[] = [anthropic, groq, together, mistral, cohere, ollama];
