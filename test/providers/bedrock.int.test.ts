import { bedrock } from "./bedrock.ts";
import { contractSuite } from "./contract-suite.ts";

contractSuite(bedrock);
