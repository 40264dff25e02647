/** Puts everything in place, once per process, whichever of the package's entry points came first. */
import { anthropic } from "./anthropic/patch.ts";
import { bedrock } from "./bedrock/patch.ts";
import { chroma } from "./retrievers/chroma.ts";
import { pg } from "./retrievers/pg.ts";
import { pinecone } from "./retrievers/pinecone.ts";
import { qdrant } from "./retrievers/qdrant.ts";
import { mcp } from "./tools/mcp.ts";
import { hookIntoAiSdk } from "./frameworks/ai-sdk.ts";
import { LANGCHAIN } from "./frameworks/langchain.ts";
import { google } from "./google/patch.ts";
import { traceGlobalFetch } from "./net/trace-fetch.ts";
import { openai } from "./openai/patch.ts";
import { injectTraceContext } from "./outgoing.ts";
import { openRequestScopes } from "./request-scope.ts";
import { runtime, start } from "./runtime.ts";
import { patchInstalledCopies, type PatchedCopy, type Sdk } from "./sdk-copies.ts";

const SDKS: readonly Sdk[] = [
  openai,
  anthropic,
  google,
  bedrock,
  pinecone,
  qdrant,
  chroma,
  pg,
  mcp,
  ...LANGCHAIN,
];

let copies: PatchedCopy[] | undefined;
let requestScope = "off: not registered";

export function install(): void {
  if (copies || runtime.settings.disabled) return;
  start();
  copies = patchInstalledCopies(SDKS);
  traceGlobalFetch();
  hookIntoAiSdk();
  requestScope = openRequestScopes();
  injectTraceContext();
}

export function installed(): { sdks: PatchedCopy[]; requestScope: string } {
  return { sdks: copies ?? [], requestScope };
}
