import { contractSuite } from "./contract-suite.ts";
import { OPENAI } from "./openai.ts";

for (const provider of OPENAI) contractSuite(provider);
