import { contractSuite } from "./contract-suite.ts";
import { google } from "./google.ts";

contractSuite(google);
