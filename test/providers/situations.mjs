/**
 * What the contract's behaviours are in an SDK that has one method to ask and one to stream. It brings these two; what it
 * has no method for, or does otherwise, it says in `others`.
 */
const MISSING = { unsupported: "the SDK has no such method" };
const CAPTURED = {
  unsupported: "a client that was made before the import keeps the `fetch` of that time",
};

const prompt = [{ role: "user", content: "Count to four." }];
const weather = {
  type: "function",
  function: {
    name: "weather",
    description: "The weather in a city.",
    parameters: { type: "object", properties: { city: { type: "string" } } },
  },
};

/**
 * @param chat (request, {signal, timeoutMs, retries}) => answer; @param stream the same => async iterable;
 * a request is `{ model, messages, tools? }`; @param patched its classes are, so that it does not matter when a client
 * was made
 */
export function situationsOf({ chat, stream, patched = false, others = {} }, tools) {
  const { collect, errorOf, until, within } = tools;
  const request = (model, more) => ({ model, messages: prompt, ...more });
  return {
    plain: () => chat(request("plain")),
    streamed: async () => collect(await stream(request("streamed"))),
    "streamed and abandoned": async () => [
      await collect(await stream(request("endless break")), 3),
      await until("cut=endless break"),
    ],
    "broken off mid-stream": async () => {
      const events = [];
      const read = async () => {
        for await (const event of await stream(request("broken"))) events.push(event);
      };
      return [(await errorOf(read())).class, events.length > 0];
    },
    "never consumed": async () => {
      await stream(request("unread"));
      return "let go";
    },
    "aborted by signal": async () => {
      const controller = new AbortController();
      const answer = chat(request("hang signal"), { signal: controller.signal });
      void until("got=hang signal").then(() => controller.abort());
      return [(await errorOf(answer)).class, await until("cut=hang signal")];
    },
    "timed out": async () =>
      (await errorOf(chat(request("hang timeout"), { timeoutMs: 80 }))).class,
    "retried by the SDK": () => chat(request("overloaded"), { retries: 2 }),
    "error status": () => errorOf(chat(request("refused"))),
    "tool calls": () => chat(request("tools", { tools: [weather] })),
    "tool calls, streamed": async () =>
      collect(await stream(request("tools streamed", { tools: [weather] }))),
    parse: MISSING,
    "with response": MISSING,
    "raw response": MISSING,
    "helper stream": MISSING,
    "concurrent calls": () =>
      Promise.all(
        ["a", "b", "c"].map((letter) =>
          within(`concurrent calls ${letter}`, async () => [
            await chat(request(`concurrent ${letter}`)),
            await collect(await stream(request(`concurrent stream ${letter}`))),
          ]),
        ),
      ),
    "cached and reasoning tokens": () => chat(request("cached")),
    "usage missing from the stream": async () => collect(await stream(request("silent"))),
    ...(patched ? {} : { "imported before the registration": CAPTURED }),
    ...others,
  };
}
