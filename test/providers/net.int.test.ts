import { contractSuite } from "./contract-suite.ts";
import { cohere, groq, mistral, ollama, together } from "./net.ts";

for (const provider of [groq, together, mistral, cohere, ollama]) contractSuite(provider);
