import { anthropic } from "./anthropic.ts";
import { contractSuite } from "./contract-suite.ts";

contractSuite(anthropic);
