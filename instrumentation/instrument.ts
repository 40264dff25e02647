/** Tracing one client, told so by the service. */
import { nameProvider } from "./client-address.ts";
import { guarded, warnOnce } from "./health.ts";
import { OPENAI_METHODS } from "./openai/patch.ts";
import { patchClient } from "./patch-method.ts";

const METHODS = [...OPENAI_METHODS];

/**
 * Traces the calls of this client and returns the same object; a client that is traced already stays as it is. Only
 * needed where the import cannot find the SDK, such as in a bundle.
 * @param options.provider for clients of an API that the host name does not tell
 * @example const client = instrument(new OpenAI())
 */
export function instrument<T extends object>(client: T, options: { provider?: string } = {}): T {
  guarded("instrumenting a client", () => {
    if (options.provider) nameProvider(client, options.provider);
    const { patched } = patchClient(client, METHODS);
    if (patched.length === 0)
      warnOnce(
        "client",
        `instrument() got an object without any of ${METHODS.map(({ resource, name }) => [...resource, name].join(".")).join(", ")}; it is not traced`,
      );
  });
  return client;
}
