import { contractSuite } from "./contract-suite.ts";
import { langchain } from "./langchain.ts";

contractSuite(langchain);
