/** A service whose first import is the product: `front <back url>` calls `back <model url>`, which looks up and asks. */
import "@assay/instrumentation/register";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { traceRetriever, withContext } from "@assay/instrumentation";
import OpenAI from "openai";

const [, , role, target] = process.argv;
const client = new OpenAI({ apiKey: "test", baseURL: target, maxRetries: 0 });
const search = traceRetriever(
  async function handbook(query: string) {
    return [{ id: "d1", score: 0.9, content: `about ${query}` }];
  },
  { topK: 3 },
);

async function answer(session: string): Promise<string> {
  return withContext({ session }, async () => {
    await search("trains");
    const reply = await client.chat.completions.create({
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: "When do trains leave?" }],
    });
    return reply.choices[0]?.message.content ?? "";
  });
}

function viaHttp(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += String(chunk)));
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });
}

const server = createServer((request, response) => {
  const session = new URL(request.url ?? "/", "http://localhost").searchParams.get("session") ?? "";
  const url = `${target}/ask?session=${session}`;
  const work =
    request.url === "/health"
      ? Promise.resolve("ok")
      : role === "back"
        ? answer(session)
        : request.url?.startsWith("/http")
          ? viaHttp(url)
          : fetch(url).then((reply) => reply.text());
  void work.then((text) => response.end(text));
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
