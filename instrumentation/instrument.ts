/** Tracing one client, told so by the service. */
import { ANTHROPIC_METHODS } from "./anthropic/patch.ts";
import { BEDROCK_METHODS } from "./bedrock/patch.ts";
import { nameProvider } from "./client-address.ts";
import { GOOGLE_METHODS } from "./google/patch.ts";
import { guarded, warnOnce } from "./health.ts";
import { OPENAI_METHODS } from "./openai/patch.ts";
import { patchClient, type TracedMethod } from "./patch-method.ts";
import { memberOf } from "./untyped.ts";

/** The first whose resource the client has; the rest is OpenAI's and what speaks like it. */
const METHODS: readonly (readonly [resource: string, methods: readonly TracedMethod[]])[] = [
  ["messages", ANTHROPIC_METHODS],
  ["chats", GOOGLE_METHODS],
  ["middlewareStack", BEDROCK_METHODS],
  ["", OPENAI_METHODS],
];

function methodsOf(client: object): readonly TracedMethod[] {
  const found = METHODS.find(([resource]) => resource === "" || memberOf(client, resource));
  return found?.[1] ?? [];
}

/**
 * Traces the calls of this client and returns the same object; a client that is traced already stays as it is. Only
 * needed where the import cannot find the SDK, such as in a bundle.
 * @param options.provider for clients of an API that the host name does not tell
 * @example const client = instrument(new OpenAI())
 */
export function instrument<T extends object>(client: T, options: { provider?: string } = {}): T {
  guarded("instrumenting a client", () => {
    if (options.provider) nameProvider(client, options.provider);
    const methods = methodsOf(client);
    const { patched } = patchClient(client, methods);
    if (patched.length === 0)
      warnOnce(
        "client",
        `instrument() got an object without any of ${methods.map(({ resource, name }) => [...resource, name].join(".")).join(", ")}; it is not traced`,
      );
  });
  return client;
}
