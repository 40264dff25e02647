import { AI_SDK } from "./ai-sdk.ts";
import { contractSuite } from "./contract-suite.ts";

for (const provider of AI_SDK) contractSuite(provider);
