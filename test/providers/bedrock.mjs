/**
 * The contract's behaviours in AWS's client of Bedrock, over HTTP/1.1: by default it speaks HTTP/2, which a server on
 * loopback without a certificate does not.
 */
import { situationsOf } from "./situations.mjs";

export const packages = ["@aws-sdk/client-bedrock-runtime", "@smithy/node-http-handler"];

export function situations([bedrock, { NodeHttpHandler }], tools) {
  const { url, collect, errorOf } = tools;
  const configuration = (options) => ({
    region: "eu-north-1",
    endpoint: url,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    requestHandler: new NodeHttpHandler(),
    maxAttempts: 1,
    ...options,
  });
  const clientWith = (options) => new bedrock.BedrockRuntimeClient(configuration(options));
  const client = clientWith({});
  const impatient = clientWith({
    requestHandler: new NodeHttpHandler({ requestTimeout: 80, throwOnRequestTimeout: true }),
  });
  const persistent = clientWith({ maxAttempts: 2 });
  const inputOf = ({ model, tools: offered }, more) => ({
    modelId: model,
    messages: [{ role: "user", content: [{ text: "Count to four." }] }],
    ...(offered ? { toolConfig: { tools: offered.map(declared) } } : {}),
    ...more,
  });
  const ask = (request, { signal, timeoutMs, retries } = {}, more) =>
    (timeoutMs ? impatient : retries ? persistent : client)
      .send(new bedrock.ConverseCommand(inputOf(request, more)), { abortSignal: signal })
      .then(seen);
  const stream = async (request, { signal } = {}) => {
    const command = new bedrock.ConverseStreamCommand(inputOf(request));
    return (await client.send(command, { abortSignal: signal })).stream;
  };
  const invoke = async (modelId, body) => {
    const answer = await client.send(
      new bedrock.InvokeModelCommand({ modelId, body: bytes(body) }),
    );
    return answer.body.transformToString();
  };
  const invokeStreamed = async (modelId, body) => {
    const command = new bedrock.InvokeModelWithResponseStreamCommand({
      modelId,
      body: bytes(body),
    });
    const chunks = await collect((await client.send(command)).body);
    return chunks.map(({ chunk }) => Buffer.from(chunk.bytes).toString());
  };
  const both = async (model, body) => [
    await invoke(model, body),
    await invokeStreamed(`${model} streamed`, body),
  ];

  return situationsOf(
    {
      chat: ask,
      stream,
      patched: true,
      others: {
        plain: () =>
          ask({ model: "plain" }, undefined, {
            system: [{ text: "Be brief." }],
            inferenceConfig: {
              maxTokens: 100,
              temperature: 0.5,
              topP: 0.9,
              stopSequences: ["five"],
            },
          }),
        "the client of one class": async () => {
          const whole = new bedrock.BedrockRuntime(configuration());
          return seen(await whole.converse(inputOf({ model: "aggregated" })));
        },
        "an inference profile": () =>
          ask({ model: "arn:aws:bedrock:eu-north-1:1:inference-profile/eu.acme.model" }),
        "error event": async () => {
          const read = async () => collect(await stream({ model: "fails" }));
          return (await errorOf(read())).class;
        },
        thinking: async () => collect(await stream({ model: "thinking" })),
        "cached and reasoning tokens": async () => [
          await ask({ model: "cached" }),
          await collect(await stream({ model: "cached streamed" })),
        ],
        "invoke, Anthropic": () =>
          both("anthropic.claude-3-5-sonnet-20241022-v2:0", {
            anthropic_version: "bedrock-2023-05-31",
            max_tokens: 100,
            messages: [{ role: "user", content: "Count to four." }],
          }),
        "invoke, Titan": () =>
          both("amazon.titan-text-express-v1", {
            inputText: "Count to four.",
            textGenerationConfig: { maxTokenCount: 100 },
          }),
        "invoke, Titan embeddings": () =>
          invoke("amazon.titan-embed-text-v2:0", { inputText: "Count to four." }),
        "invoke, Llama": () =>
          both("meta.llama3-8b-instruct-v1:0", { prompt: "Count to four.", max_gen_len: 100 }),
        "invoke, Nova": () =>
          both("amazon.nova-lite-v1:0", {
            schemaVersion: "messages-v1",
            messages: [{ role: "user", content: [{ text: "Count to four." }] }],
            inferenceConfig: { maxTokens: 100 },
          }),
        "invoke, a model nobody knows": () => both("acme.model", { words: 4 }),
      },
    },
    tools,
  );
}

function bytes(body) {
  return new TextEncoder().encode(JSON.stringify(body));
}

function declared({ function: { name, description, parameters } }) {
  return { toolSpec: { name, description, inputSchema: { json: parameters } } };
}

/** Without how often it was tried and how long that took. */
function seen({ output, stopReason, usage, $metadata }) {
  return { output, stopReason, usage, status: $metadata.httpStatusCode };
}
