/** The contract's behaviours in Ollama's client. */
import { situationsOf } from "./situations.mjs";

export const packages = ["ollama"];

export function situations([{ Ollama }], tools) {
  const client = new Ollama({ host: tools.url });
  const withSignal = (signal) =>
    new Ollama({ host: tools.url, fetch: (url, init) => fetch(url, { ...init, signal }) });
  return situationsOf(
    {
      chat: (request, { signal, timeoutMs } = {}) => {
        const stop = signal ?? (timeoutMs ? AbortSignal.timeout(timeoutMs) : undefined);
        return (stop ? withSignal(stop) : client).chat(request);
      },
      stream: (request) => client.chat({ ...request, stream: true }),
      others: {
        // Leaving the loop is not enough: the client goes on reading.
        "streamed and abandoned": async () => {
          const request = {
            model: "endless break",
            messages: [{ role: "user", content: "Count." }],
          };
          const stream = await client.chat({ ...request, stream: true });
          const pieces = await tools.collect(stream, 3);
          stream.abort();
          return [pieces, await tools.until("cut=endless break")];
        },
        "retried by the SDK": { unsupported: "the SDK retries nothing" },
      },
    },
    tools,
  );
}
