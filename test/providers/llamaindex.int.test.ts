import { contractSuite } from "./contract-suite.ts";
import { llamaindex } from "./llamaindex.ts";

contractSuite(llamaindex);
