/** The providers of the support table. A row added here, and a test that calls contractSuite, adds one. */
import { anthropic } from "./anthropic.ts";
import type { Provider } from "./contract.ts";

export const PROVIDERS: readonly Provider[] = [anthropic];
