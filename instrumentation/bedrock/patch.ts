/**
 * `@aws-sdk/client-bedrock-runtime`: its client has one method for everything, `send`, which is given the client alone
 * and not every client of AWS. The commands that call a model are told by their names.
 */
import { ATTR } from "../conventions.ts";
import type { Dialect } from "../dialect.ts";
import { guarded } from "../health.ts";
import { startModelCall, type ModelCall } from "../model-call.ts";
import { patchClasses, type TracedMethod } from "../patch-method.ts";
import { serverOf, type ServerAddress } from "../providers.ts";
import type { Sdk } from "../sdk-copies.ts";
import { observeCall } from "../trace-promise.ts";
import { count, fields, memberOf, text, type Fields } from "../untyped.ts";
import { converse } from "./converse.ts";
import { bytesAsJson, dialectOf, invoked } from "./invoke.ts";

const PROVIDER = "aws.bedrock";

export const BEDROCK_METHODS: readonly TracedMethod[] = [
  { name: "send", resource: [], classes: ["BedrockRuntimeClient"], trace: traceSend },
];

export const bedrock: Sdk = {
  package: "@aws-sdk/client-bedrock-runtime",
  broughtBy: ["@langchain/aws", "@llamaindex/aws"],
  essential: ["send"],
  patch: (exports) => patchClasses(exports, BEDROCK_METHODS),
};

/** How a command is described, and the field of its answer that streams. */
interface Command {
  streamed?: "stream" | "body";
  describe(input: Fields, model: string): { dialect: Dialect; body: Fields };
}

const streamedConverse: Dialect = {
  ...converse,
  request: (body) => ({ ...converse.request(body), [ATTR.requestStream]: true }),
};

const COMMANDS: Readonly<Record<string, Command>> = {
  ConverseCommand: { describe: (input) => ({ dialect: converse, body: input }) },
  ConverseStreamCommand: {
    streamed: "stream",
    describe: (input) => ({ dialect: streamedConverse, body: input }),
  },
  InvokeModelCommand: { describe: (input, model) => describeInvoke(input, model, false) },
  InvokeModelWithResponseStreamCommand: {
    streamed: "body",
    describe: (input, model) => describeInvoke(input, model, true),
  },
};

function describeInvoke(input: Fields, model: string, streams: boolean) {
  const body = bytesAsJson(input["body"]);
  return { dialect: invoked(dialectOf(model, body), streams), body };
}

function traceSend(
  original: (this: unknown, ...args: unknown[]) => unknown,
  self: unknown,
  args: unknown[],
): unknown {
  const send = (): unknown => Reflect.apply(original, self, args);
  const command = guarded("reading a command", () => COMMANDS[commandName(args[0])]);
  // With a callback it returns nothing that could be observed.
  const call =
    command && !args.some((one) => typeof one === "function")
      ? guarded("describing a command", () => startCall(self as object, command, args[0]))
      : undefined;
  if (!call) return send();
  const { streamed } = command ?? {};
  return observeCall(call, send, streamed && ((answer) => fields(answer)?.[streamed]));
}

function commandName(command: unknown): string {
  const made = memberOf(command, "constructor");
  return typeof made === "function" ? made.name : "";
}

function startCall(client: object, command: Command, given: unknown): ModelCall | undefined {
  const input = fields(memberOf(given, "input"));
  if (!input) return undefined;
  const id = text(input["modelId"]) ?? "";
  const model = id.slice(id.lastIndexOf("/") + 1);
  const { dialect, body } = command.describe(input, model);
  const call = startModelCall({
    dialect,
    body: { ...body, model },
    server: servers.get(client) ?? UNKNOWN,
  });
  if (call) describeServer(client, call);
  return call;
}

const UNKNOWN: ServerAddress = { provider: PROVIDER, address: "", port: undefined };
const servers = new WeakMap<object, ServerAddress>();

/** What the client was given, an address or a region, is known a moment later; after that, of all of its calls. */
function describeServer(client: object, call: ModelCall): void {
  if (servers.has(client)) return;
  void addressOf(fields(memberOf(client, "config")) ?? {}).then(
    (address) => {
      // The provider is the SDK's, at whichever host.
      const server = { ...serverOf(address, PROVIDER), provider: PROVIDER };
      servers.set(client, server);
      call.describe({ [ATTR.serverAddress]: server.address, [ATTR.serverPort]: server.port });
    },
    // Without a region the call fails, and says so itself.
    () => undefined,
  );
}

async function addressOf({ endpoint, region }: Fields): Promise<string> {
  const given = fields(await valueOf(endpoint));
  if (given) return `${String(given["protocol"])}//${String(given["hostname"])}:${portOf(given)}`;
  return `https://bedrock-runtime.${String(await valueOf(region))}.amazonaws.com`;
}

function portOf(endpoint: Fields): number {
  return count(endpoint["port"]) ?? (endpoint["protocol"] === "http:" ? 80 : 443);
}

/** The SDK turns what it was given into functions. */
async function valueOf(setting: unknown): Promise<unknown> {
  return typeof setting === "function" ? Reflect.apply(setting, undefined, []) : setting;
}
