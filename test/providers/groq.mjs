/** The contract's behaviours in Groq's SDK. */
import { situationsOf } from "./situations.mjs";

export const packages = ["groq-sdk"];

export function situations([{ Groq }], tools) {
  const client = new Groq({ apiKey: "test", baseURL: tools.url, maxRetries: 0 });
  const create = (body, { signal, timeoutMs, retries = 0 } = {}) =>
    client.chat.completions.create(body, {
      signal,
      maxRetries: retries,
      ...(timeoutMs ? { timeout: timeoutMs } : {}),
    });
  const body = (model) => ({ model, messages: [{ role: "user", content: "Count to four." }] });
  return situationsOf(
    {
      chat: create,
      stream: (request, options) => create({ ...request, stream: true }, options),
      others: {
        "with response": async () => {
          const { data, response } = await create(body("with response")).withResponse();
          return [data, response.status];
        },
        "raw response": async () => (await create(body("raw response")).asResponse()).json(),
      },
    },
    tools,
  );
}
