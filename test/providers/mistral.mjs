/** The contract's behaviours in Mistral's SDK. */
import { situationsOf } from "./situations.mjs";

export const packages = ["@mistralai/mistralai"];

const NEVER = { strategy: "none" };
const TWICE = {
  strategy: "backoff",
  backoff: { initialInterval: 1, maxInterval: 2, exponent: 1, maxElapsedTime: 5_000 },
  retryConnectionErrors: false,
};

export function situations([{ Mistral }], tools) {
  const client = new Mistral({ apiKey: "test", serverURL: tools.url, retryConfig: NEVER });
  const optionsOf = ({ signal, timeoutMs, retries } = {}) => ({
    ...(signal ? { signal } : {}),
    ...(timeoutMs ? { timeoutMs } : {}),
    ...(retries ? { retries: TWICE, retryCodes: ["503"] } : {}),
  });
  return situationsOf(
    {
      chat: (request, options) => client.chat.complete(request, optionsOf(options)),
      stream: (request, options) => client.chat.stream(request, optionsOf(options)),
    },
    tools,
  );
}
