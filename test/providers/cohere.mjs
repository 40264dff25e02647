/** The contract's behaviours in Cohere's SDK. */
import { situationsOf } from "./situations.mjs";

export const packages = ["cohere-ai"];

export function situations([{ CohereClientV2 }], tools) {
  const client = new CohereClientV2({ token: "test", environment: tools.url });
  const optionsOf = ({ signal, timeoutMs, retries = 0 } = {}) => ({
    abortSignal: signal,
    maxRetries: retries,
    ...(timeoutMs ? { timeoutInSeconds: timeoutMs / 1000 } : {}),
  });
  return situationsOf(
    {
      chat: (request, options) => client.chat(request, optionsOf(options)),
      stream: (request, options) => client.chatStream(request, optionsOf(options)),
    },
    tools,
  );
}
