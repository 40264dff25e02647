/** Replays requests that were recorded with the real SDKs: `<server> <requests.json>`, each below an address of its own. */
import { readFileSync } from "node:fs";
import {
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
  BedrockRuntimeClient,
} from "@aws-sdk/client-bedrock-runtime";
import { Anthropic } from "@anthropic-ai/sdk";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { CohereClient } from "cohere-ai";
import { OpenAI } from "openai";
import { Together } from "together-ai";

const [, , server, file] = process.argv;
const assay = await import("../../instrumentation/index.ts");

const openaiMethods = (client) => ({
  "/chat/completions": (request) => client.chat.completions.create(request),
  "/completions": (request) => client.completions.create(request),
  "/responses": (request) => client.responses.create(request),
  "/embeddings": (request) => client.embeddings.create(request),
  "/images/generations": (request) => client.images.generate(request),
});

const replay = {
  openai(base, path, request) {
    const client = new OpenAI({ apiKey: "test", baseURL: `${base}/v1`, maxRetries: 0 });
    return openaiMethods(client)[path.slice(3)](request);
  },
  together(base, path, request) {
    const client = new Together({ apiKey: "test", baseURL: `${base}/v1`, maxRetries: 0 });
    return openaiMethods(client)[path.slice(3)](request);
  },
  anthropic(base, _, request) {
    const client = new Anthropic({ apiKey: "test", baseURL: base, maxRetries: 0 });
    return client.messages.create(request);
  },
  cohere(base, path, request) {
    const client = new CohereClient({ token: "test", environment: base });
    if (path.endsWith("/rerank")) return client.rerank(inCamelCase(request));
    return client.chatStream(inCamelCase(request));
  },
  async bedrock(base, path, request) {
    const client = new BedrockRuntimeClient({
      region: "us-east-1",
      endpoint: base,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
      requestHandler: new NodeHttpHandler(),
    });
    const [, modelId, method] = /\/model\/([^/]+)\/(.*)$/.exec(path);
    const input = { modelId: decodeURIComponent(modelId), body: JSON.stringify(request) };
    if (method === "invoke") return client.send(new InvokeModelCommand(input));
    return (await client.send(new InvokeModelWithResponseStreamCommand(input))).body;
  },
};

/** As a client without an SDK would ask. */
async function replayWithFetch(base, path, request) {
  const response = await fetch(base + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  return response.text();
}

for (const [at, { api, path, request }] of JSON.parse(readFileSync(file, "utf8")).entries()) {
  const base = `${server}/${at}`;
  await assay.traceAgent(`${at} sdk`, async () =>
    consume(await replay[api](base, path, request)),
  )();
  // Bedrock's API is not called with fetch.
  if (api !== "bedrock")
    await assay.traceAgent(`${at} fetch`, () => replayWithFetch(base, path, request))();
}
await assay.flush();
process.stdout.write(JSON.stringify(assay.stats()), () => process.exit(0));

async function consume(result) {
  if (result?.[Symbol.asyncIterator] && !(result instanceof Uint8Array))
    for await (const piece of result) void piece;
}

function inCamelCase(request) {
  return Object.fromEntries(
    Object.entries(request).map(([name, value]) => [
      name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase()),
      value,
    ]),
  );
}
