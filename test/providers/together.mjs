/** The contract's behaviours in Together's SDK. */
import { situationsOf } from "./situations.mjs";

export const packages = ["together-ai"];

export function situations([{ Together }], tools) {
  const client = new Together({ apiKey: "test", baseURL: tools.url, maxRetries: 0 });
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
